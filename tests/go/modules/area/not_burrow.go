//go:build !burrow

package area

const system = "another"
