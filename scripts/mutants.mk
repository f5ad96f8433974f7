# mutants.mk -- `make mutants`: remove one protection at a time; a test must notice (scripts/mutants, tests/mutants).

# Names of some mutants only.
ONLY ?=

.PHONY: mutants
mutants: ## Remove one protection at a time; a test must notice (ONLY: names)
	$(call need,build run test)
	@$(PYTHON) scripts/mutants --build $(B) $(ONLY)

# A unit test under the thread sanitizer, which finds a missing lock although the race itself hardly ever happens.
# (-Wno-tsan: it does not know fences, and warns of each.)
$(B)/mutants-tsan/%: tests/unit/%.c scripts/build_unit $(B)/flags $(B)/offsets.inc
	$(call say,UNIT,$<)
	$(Q)CFLAGS='$(CFLAGS_UNIT)' SANITIZE='-fsanitize=thread -Wno-tsan' NASMFLAGS='$(NASMFLAGS)' scripts/build_unit $@ $<
-include $(wildcard $(B)/mutants-tsan/*.d)
