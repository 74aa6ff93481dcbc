// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReplaceBlock(t *testing.T) {
	const text = "before\n<!-- bench: cost -->\nold\n<!-- end of cost -->\nafter\n"
	got, err := replaceBlock(text, "cost", "new\n")
	require.NoError(t, err)
	require.Equal(t, "before\n<!-- bench: cost -->\nnew\n<!-- end of cost -->\nafter\n", got)

	_, err = replaceBlock(text, "shapes", "new\n")
	require.ErrorContains(t, err, `no line "<!-- bench: shapes -->"`)
	_, err = replaceBlock("<!-- bench: cost -->\n", "cost", "new\n")
	require.ErrorContains(t, err, `no line "<!-- end of cost -->"`)
}

// TestDocumentsHaveAllBlocks finds out before a run of half an hour that its results have a place.
func TestDocumentsHaveAllBlocks(t *testing.T) {
	blocks := (&bench{}).blocks()
	require.NotEmpty(t, blocks)
	for _, bl := range blocks {
		for _, file := range bl.files {
			text, err := os.ReadFile(filepath.Join("..", file))
			require.NoError(t, err)
			_, err = replaceBlock(string(text), bl.name, "")
			require.NoError(t, err, file)
		}
	}
}

func TestDocumentsGetCompleteBlocks(t *testing.T) {
	bl := block{needs: []string{"shapes", "cost"}}
	require.False(t, bl.begun([]string{"idle"}))
	require.True(t, bl.begun([]string{"idle", "cost"}))
	require.False(t, bl.complete([]string{"idle", "cost"}))
	require.True(t, bl.complete([]string{"shapes", "idle", "cost"}))
}
