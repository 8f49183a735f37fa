// SPDX-License-Identifier: GPL-2.0-or-later

// A device with pion: pion PORT secret ID SECRET | certificate CA CERTIFICATE KEY
// Asks for the directory; prints the answer.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/pion/dtls/v2"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func proof(words []string) *dtls.Config {
	if words[0] == "secret" {
		return &dtls.Config{
			PSK:             func([]byte) ([]byte, error) { return []byte(words[2]), nil },
			PSKIdentityHint: []byte(words[1]),
			CipherSuites:    []dtls.CipherSuiteID{dtls.TLS_PSK_WITH_AES_128_CCM_8},
		}
	}
	authority, err := os.ReadFile(words[1])
	must(err)
	pair, err := tls.LoadX509KeyPair(words[2], words[3])
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &dtls.Config{
		Certificates:       []tls.Certificate{pair},
		InsecureSkipVerify: true, // of the name only: the chain is looked at below
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			leaf, err := x509.ParseCertificate(raw[0])
			if err != nil {
				return err
			}
			_, err = leaf.Verify(x509.VerifyOptions{Roots: roots})
			return err
		},
	}
}

func main() {
	port, err := strconv.Atoi(os.Args[1])
	must(err)
	gateway := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	session, err := dtls.Dial("udp", gateway, proof(os.Args[2:]))
	must(err)
	_, err = session.Write([]byte("\x40\x01\x12\x34\xbb.well-known\x04core"))
	must(err)
	must(session.SetReadDeadline(time.Now().Add(20 * time.Second)))
	answer := make([]byte, 2048)
	n, err := session.Read(answer)
	must(err)
	fmt.Printf("%s\n", answer[:n])
	must(session.Close())
}
