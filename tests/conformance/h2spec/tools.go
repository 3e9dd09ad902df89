//go:build tools

// Package h2spec pins the version of the test tool.
package h2spec

import _ "github.com/summerwind/h2spec/cmd/h2spec"
