package area

import (
	"fmt"

	"burrow.example/modules/shapes"
)

var Order = shapes.Order + ", area"

func Of(s shapes.Shape) string { return fmt.Sprint(s.Area(), " units (", system, ")") }
