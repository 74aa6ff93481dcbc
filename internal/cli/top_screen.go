// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"runtime"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/color"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/top"
)

// topRefresh is how often what is counted is shown anew.
const topRefresh = time.Second

// topScreen is the terminal while monitor top has it.
type topScreen struct{ tcell.Screen }

// openTopScreen takes the terminal, until close gives it back as it was.
func openTopScreen() (*topScreen, error) {
	screen, err := tcell.NewScreen()
	if err != nil {
		return nil, err
	}
	if err := screen.Init(); err != nil {
		return nil, err
	}
	screen.HideCursor()
	return &topScreen{screen}, nil
}

func (s *topScreen) close() { s.Fini() }

// show shows the view until somebody quits, ctx is cancelled, or the feed fails.
func (s *topScreen) show(ctx context.Context, view *top.View, feed *topFeed) {
	ticker := time.NewTicker(topRefresh)
	defer ticker.Stop()
	done := feed.done
	for {
		view.SetNotice(feed.notice.get())
		view.SetSilent(feed.silent.get())
		view.Refresh(time.Now())
		s.draw(view)
		select {
		case event := <-s.EventQ():
			if s.handle(event, view) {
				return
			}
		case <-ticker.C:
		case <-done:
			if feed.err != nil || feed.panicked != nil || feed.stream == nil {
				return
			}
			done = nil // all is read: it stays to be looked at
		case <-ctx.Done():
			return
		}
	}
}

// handle returns whether an event of the terminal is that somebody quits.
func (s *topScreen) handle(event tcell.Event, view *top.View) (quit bool) {
	switch event := event.(type) {
	case *tcell.EventKey:
		switch event.Key() {
		case tcell.KeyCtrlC:
			return true
		case tcell.KeyCtrlZ:
			return s.suspend() != nil
		case tcell.KeyCtrlL:
			s.Sync()
		default:
			if key, known := keyOf(event); known {
				return view.Press(key, time.Now())
			}
		}
	case *tcell.EventResize:
		s.Sync()
	case nil: // the terminal is gone
		return true
	}
	return false
}

// suspend gives the terminal back, stops the process as Ctrl-Z does, and takes the terminal when it goes on.
func (s *topScreen) suspend() error {
	if err := s.Suspend(); err != nil {
		return err
	}
	// To this very thread, or the process may get as far as taking the terminal before it is stopped.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP); err != nil {
		return err
	}
	return s.Resume()
}

// topKeys are those that are no characters.
var topKeys = map[tcell.Key]top.Key{
	tcell.KeyUp:        top.KeyUp,
	tcell.KeyDown:      top.KeyDown,
	tcell.KeyPgUp:      top.KeyPageUp,
	tcell.KeyPgDn:      top.KeyPageDown,
	tcell.KeyHome:      top.KeyHome,
	tcell.KeyEnd:       top.KeyEnd,
	tcell.KeyEnter:     top.KeyEnter,
	tcell.KeyEscape:    top.KeyEscape,
	tcell.KeyTab:       top.KeyTab,
	tcell.KeyBacktab:   top.KeyBacktab,
	tcell.KeyBackspace: top.KeyBackspace,
}

func keyOf(event *tcell.EventKey) (key top.Key, known bool) {
	if key, known = topKeys[event.Key()]; known {
		return key, true
	}
	r, _ := utf8.DecodeRuneInString(event.Str())
	return top.Key(r), event.Key() == tcell.KeyRune && unicode.IsPrint(r)
}

var topStyles = map[top.Style]tcell.Style{
	top.Plain:    tcell.StyleDefault,
	top.Faint:    tcell.StyleDefault.Dim(true),
	top.Strong:   tcell.StyleDefault.Bold(true),
	top.Selected: tcell.StyleDefault.Reverse(true),
	top.Alarm:    tcell.StyleDefault.Bold(true).Foreground(color.XTerm1),
	top.Good:     tcell.StyleDefault.Foreground(color.XTerm2),
}

func (s *topScreen) draw(view *top.View) {
	columns, rows := s.Size()
	for y, line := range view.Render(columns, rows) {
		x := 0
		for _, span := range line {
			s.PutStrStyled(x, y, span.Text, topStyles[span.Style])
			x += utf8.RuneCountInString(span.Text)
		}
	}
	s.Show()
}
