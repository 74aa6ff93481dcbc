// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/client"
)

// Prints the type of each event until the agent goes away.
func ExampleDial() {
	c, err := client.Dial(context.Background(), client.DefaultSocketPath)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for pl, err := range c.Payloads() {
		if err != nil {
			log.Fatal(err)
		}
		if pl.Lost > 0 {
			fmt.Println("lost", pl.Lost)
			continue
		}
		typ, _ := api.MessageType(pl.Data)
		fmt.Println(api.MessageTypeName(typ))
	}
}
