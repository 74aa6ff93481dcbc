// SPDX-License-Identifier: Apache-2.0

// Package top counts events into tables, and makes a live view of them: lines of text for whatever terminal they are shown on.
package top
