package unit

const One = 1

var Order = "unit"
