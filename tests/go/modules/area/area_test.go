package area

import "testing"

func TestArea(t *testing.T) { this is no Go }
