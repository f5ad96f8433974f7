package area

const system = "plan9"
