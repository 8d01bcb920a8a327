// Checks files of alerting rules as Prometheus would when it loads them.
package main

import (
	"fmt"
	"os"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

func main() {
	failed := false
	for _, file := range os.Args[1:] {
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation)
		for _, err := range errs {
			fmt.Fprintln(os.Stderr, err)
			failed = true
		}
		if len(errs) == 0 {
			for _, group := range groups.Groups {
				fmt.Printf("%s: %d rules\n", group.Name, len(group.Rules))
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}
