// Command probe is what the tests' pods on real nodes run: a server that says its name,
// a client that says what a URL answers, and a server that does for the test, from the
// pod, what a sender or a reader of traces does.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "serve":
		err = serve()
	case len(os.Args) == 3 && os.Args[1] == "get":
		err = get(os.Args[2], os.Stdout)
	default:
		err = fmt.Errorf("usage: probe serve | probe get URL")
	}
	if err != nil {
		log.Fatal(err)
	}
}

// timeout is for one connection or request.
const timeout = 3 * time.Second

func serve() error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%s asks for %q", r.RemoteAddr, r.URL) // #nosec G706 -- quoted
		fmt.Fprintf(w, "I am %s\n", name)
	})
	handle("/connect", func(_ io.Writer, r *http.Request) error {
		connection, err := net.DialTimeout("tcp", r.FormValue("to"), timeout) // #nosec G704 -- it connects to what the test names, in the lab's network
		if err != nil {
			return err
		}
		return connection.Close()
	})
	handle("/get", func(w io.Writer, r *http.Request) error { return get(r.FormValue("url"), w) })
	handle("/send", func(_ io.Writer, r *http.Request) error {
		return send(r.Context(), r.FormValue("protocol"), r.FormValue("to"), r.FormValue("trace"))
	})
	server := http.Server{Addr: ":8080", ReadHeaderTimeout: time.Second}
	log.Print("serving")
	return server.ListenAndServe()
}

// handle serves what do does: status 502 with its error if it fails.
func handle(path string, do func(io.Writer, *http.Request) error) {
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			log.Printf("%q: %v", r.URL, err) // #nosec G706 -- quoted
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
}

func get(url string, to io.Writer) error {
	client := http.Client{Timeout: timeout}
	response, err := client.Get(url) // #nosec G704 -- it connects to what the test names, in the lab's network
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	_, err = io.Copy(to, response.Body)
	return err
}
