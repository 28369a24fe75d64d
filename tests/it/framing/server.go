// What Go's net/http makes of the bytes of a connection. Connections come on stdin, each after its length in a line of its own;
// for each a line of JSON goes to stdout. The connections are in memory, so that it is known when the server wants more than came.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

type asked struct {
	Method  string
	Target  []byte
	Host    []byte
	Headers map[string][][]byte
	Body    []byte
	Expects bool
}

// A connection. End is how it ends: "closed", "unfinished" (more was wanted) or "refused", with the status of the refusal.
type conn struct {
	net.Conn // none: what is not below is never called
	mutex    sync.Mutex
	changed  *sync.Cond
	in       []byte
	out      bytes.Buffer
	aborted  bool
	closed   chan struct{}
	once     sync.Once

	Requests []asked
	End      string
	Status   int
}

func (c *conn) Read(p []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	// While a handler runs, the server looks for the client's end with one byte of room, until it is told to stop.
	if len(c.in) == 0 && len(p) == 1 && bytes.Contains(debug.Stack(), []byte("backgroundRead")) {
		for !c.aborted {
			c.changed.Wait()
		}
		return 0, os.ErrDeadlineExceeded
	}
	if len(c.in) == 0 {
		c.End = "unfinished"
		return 0, io.EOF
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *conn) SetReadDeadline(at time.Time) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.aborted = !at.IsZero()
	c.changed.Broadcast()
	return nil
}

func (c *conn) Write(p []byte) (int, error)         { return c.out.Write(p) }
func (c *conn) Close() error                        { c.once.Do(func() { close(c.closed) }); return nil }
func (c *conn) SetWriteDeadline(at time.Time) error { return nil }
func (c *conn) SetDeadline(at time.Time) error      { return c.SetReadDeadline(at) }
func (c *conn) LocalAddr() net.Addr                 { return &net.TCPAddr{} }
func (c *conn) RemoteAddr() net.Addr                { return &net.TCPAddr{} }

func handle(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value("conn").(*conn)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if c.End == "" {
			c.End, c.Status = "refused", 400
		}
		panic(http.ErrAbortHandler)
	}
	headers := map[string][][]byte{}
	for name, values := range r.Header {
		for _, value := range values {
			headers[strings.ToLower(name)] = append(headers[strings.ToLower(name)], []byte(value))
		}
	}
	expects := bytes.HasSuffix(c.out.Bytes(), []byte("HTTP/1.1 100 Continue\r\n\r\n"))
	c.Requests = append(c.Requests, asked{r.Method, []byte(r.RequestURI), []byte(r.Host), headers, body, expects})
	w.Header().Set("Content-Type", "answered")
}

// How the connection ended, once it is closed: a reply that no handler gave is a refusal, unless it answers that no more came.
func (c *conn) judge() {
	for answers := bufio.NewReader(&c.out); ; {
		answer, err := http.ReadResponse(answers, &http.Request{Method: "HEAD"})
		if err != nil {
			break
		}
		if answer.StatusCode == 417 || answer.StatusCode >= 400 && c.End == "" {
			c.End, c.Status = "refused", answer.StatusCode
		}
	}
	if c.End == "" {
		c.End = "closed"
	}
}

type listener struct{ conns chan net.Conn }

func (l listener) Accept() (net.Conn, error) { return <-l.conns, nil }
func (l listener) Close() error              { return nil }
func (l listener) Addr() net.Addr            { return &net.TCPAddr{} }

func main() {
	l := listener{make(chan net.Conn)}
	withConn := func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, "conn", c) }
	server := http.Server{Handler: http.HandlerFunc(handle), ConnContext: withConn, ErrorLog: log.New(io.Discard, "", 0)}
	server.DisableGeneralOptionsHandler = true
	go server.Serve(l)
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var length int
		if _, err := fmt.Fscanf(in, "%d\n", &length); err != nil {
			return
		}
		c := &conn{in: make([]byte, length), closed: make(chan struct{})}
		c.changed = sync.NewCond(&c.mutex)
		if _, err := io.ReadFull(in, c.in); err != nil {
			return
		}
		l.conns <- c
		<-c.closed
		c.judge()
		out.Encode(map[string]any{"requests": c.Requests, "end": c.End, "status": c.Status})
	}
}
