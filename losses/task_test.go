package losses_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// TestManyTasks: compositions in compositions are bounded, in whatever form they
// come.
func TestManyTasks(t *testing.T) {
	typed := func(tasks []losses.Task) any { return tasks }
	plain := func(tasks []losses.Task) any {
		var list []any
		for _, t := range tasks {
			list = append(list, map[string]any{"name": t.Name, "loss": t.Loss, "options": map[string]any(t.Options)})
		}
		return list
	}
	folded := func(tasks []losses.Task) any {
		var list []any
		for _, t := range tasks {
			list = append(list, map[string]any{"Name": t.Name, "LOSS": t.Loss, "Options": map[string]any(t.Options)})
		}
		return list
	}
	for form, of := range map[string]func([]losses.Task) any{"typed": typed, "plain": plain, "folded": folded} {
		var nested func(depth, width int) []losses.Task
		nested = func(depth, width int) (list []losses.Task) {
			for i := range width {
				task := losses.Task{Name: fmt.Sprintf("t%d", i), Loss: "mse"}
				if depth > 1 {
					task = losses.Task{Name: task.Name, Loss: "multi_task", Options: losses.Values{"tasks": of(nested(depth-1, width))}}
				}
				list = append(list, task)
			}
			return list
		}
		for _, c := range []struct {
			depth, width int
			want         string
		}{
			{3, 1, ""}, {1, 64, ""},
			{4, 1, "option tasks nests deeper than 3 compositions"},
			{20, 1, "option tasks nests deeper than 3 compositions"},
			{1, 65, "option tasks has more than 64 tasks"},
			{3, 9, "option tasks has more than 64 tasks"},
		} {
			_, err := losses.Request{Catalog: all.Losses(), Loss: "multi_task", Options: losses.Values{"tasks": of(nested(c.depth, c.width))}}.Resolve()
			switch {
			case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s, %d levels of %d: got error %v, want %q", form, c.depth, c.width, err, c.want)
			}
		}
	}
}
