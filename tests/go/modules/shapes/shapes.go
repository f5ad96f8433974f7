package shapes

import "burrow.example/modules/shapes/internal/unit"

var Order = unit.Order + ", shapes"

type Shape interface{ Area() int }

type Square struct{ Side int }

func (s Square) Area() int { return s.Side * s.Side * unit.One }
