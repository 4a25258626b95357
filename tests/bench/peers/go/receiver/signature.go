package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// verify tells whether `header`, "t=<Unix seconds>,v1=<64 hex>[,v1=…]", signs `body` with `secret` and is recent.
func verify(header string, body, secret []byte, now time.Time) bool {
	signedAt, signatures := parseHeader(header)
	seconds, err := strconv.ParseInt(signedAt, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signedAt))
	mac.Write([]byte("."))
	mac.Write(body)
	want := mac.Sum(nil)
	for _, signature := range signatures {
		if got, err := hex.DecodeString(signature); err == nil && hmac.Equal(got, want) {
			return true
		}
	}
	return false
}

func parseHeader(header string) (signedAt string, signatures []string) {
	for element := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(element, "="); name {
		case "t":
			signedAt = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	return signedAt, signatures
}
