package area

const system = "linux"
