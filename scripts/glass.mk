# glass.mk -- commands that look into a running program: event traces and profiles (docs/seeing.md).

# Where the program runs: as BOOT says, or BOOT=host as a process of this system.
glass_file = $(if $(filter host,$(BOOT)),$(B)/host/$(NAME),$(boot_file))
# The image whose symbols name the program's code.
glass_image = $(if $(filter host,$(BOOT)),$(B)/host/$(NAME),$(B)/$(NAME).elf)
# Runs the program with $1 before its command line; the stream goes to $2, which is empty until the program writes. $3, made from the stream of another run, goes.
glass_run = rm -f $3; : > $2; scripts/run $(run_options) --side $2 --cmdline $(call quote,$1 $(CMDLINE)) $(glass_file); status=$$?; echo "exit status $$status"
# The program's status counts, also where nothing came to be converted.
glass_exit = converted=$$?; [ $$status != 0 ] || status=$$converted; exit $$status

.PHONY: trace
trace: ## Run a program and leave build/trace.json for ui.perfetto.dev, build/trace.svg (APP, BOOT, CMDLINE)
	$(call need,build run$(GO_PACKAGES))
	@$(BUILD) $(sort $(glass_file) $(glass_image))
	@$(call glass_run,GODEBUG=trace=1,$(B)/trace.side,$(B)/trace.json $(B)/trace.svg); \
	scripts/trace2json.py --image $(glass_image) --json $(B)/trace.json --svg $(B)/trace.svg --title '$(APP_FILE)$(if $(CMDLINE), $(subst ','\'',$(CMDLINE)))' $(B)/trace.side \
	  && echo "look at $(B)/trace.svg, or open $(B)/trace.json in ui.perfetto.dev or chrome://tracing"; $(glass_exit)

# What KIND asks of the runtime: as Go's defaults are, and all of what Go leaves off by default. CPU: samples a second; heap: bytes.
KIND ?= cpu
profile_knob_cpu       := cpuprof=100
profile_knob_heap      := heapprof=524288
profile_knob_goroutine := goprof=1
profile_knob_mutex     := mutexprof=1
profile_knob_block     := blockprof=1
profile_knob = $(or $(profile_knob_$(KIND)),$(error KIND=$(KIND): expected cpu, heap, goroutine, mutex or block))

.PHONY: profile
profile: ## Run a program and leave build/profile.pb.gz for go tool pprof (APP, KIND=cpu|heap|goroutine|mutex|block, BOOT, CMDLINE)
	$(call need,build run$(GO_PACKAGES))
	@: $(profile_knob)
	@$(BUILD) $(sort $(glass_file) $(glass_image))
	@$(call glass_run,GODEBUG=$(profile_knob),$(B)/profile.side,$(B)/profile.pb.gz); \
	scripts/profile2pb.py --image $(glass_image) --kind $(KIND) --out $(B)/profile.pb.gz $(B)/profile.side; \
	$(glass_exit)

.PHONY: bootchart
bootchart: ## Boot a program and show the time of each stage; build/bootchart.svg (APP, BOOT, SMP, MEM)
	$(call need,build run$(GO_PACKAGES))
	@$(BUILD) $(sort $(boot_file) $(B)/$(NAME).elf)
	@scripts/bootchart.py --boot $(call quote,$(BOOT)) --smp=$(call quote,$(SMP)) --mem=$(call quote,$(MEM)) --timeout $(call quote,$(TIMEOUT)) \
	  --svg $(B)/bootchart.svg --title $(call quote,$(APP_FILE) by $(BOOT)$(comma) $(SMP) cores) $(boot_file) && echo "look at $(B)/bootchart.svg"
