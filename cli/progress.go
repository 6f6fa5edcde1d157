package cli

import (
	"io"
	"os"
	"time"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"
)

// bar shows on a terminal how far something is. Without one it shows nothing.
type bar struct {
	terminal io.Writer
	shown    *pb.ProgressBar
}

func (a *app) bar() *bar {
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &bar{terminal: f}
	}
	return &bar{}
}

// show says how much of what is done.
func (b *bar) show(what string, done, total int) {
	if b.terminal == nil {
		return
	}
	if b.shown == nil {
		b.shown = pb.ProgressBarTemplate(`lossgen: {{string . "what"}} {{bar . }} {{percent . }}`).New(total).
			SetWriter(b.terminal).SetRefreshRate(100*time.Millisecond).Set(pb.CleanOnFinish, true).Set("what", what).Start()
	}
	b.shown.Set("what", what).SetTotal(int64(total)).SetCurrent(int64(done))
}

// clear takes it away.
func (b *bar) clear() {
	if b.shown != nil {
		b.shown.Finish()
		b.shown = nil
	}
}
