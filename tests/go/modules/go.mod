module burrow.example/modules

go 1.21.3

toolchain go1.22.1

require example.org/dep v1.0.0
