# Makes the small tree's library.
INCLUDES += -I$(FIRMDIR) -I$(FIRMDIR)/include $(ROCKMEM_HEADERS)

MEMBERS := $(patsubst $(ROOTDIR)/%.c,$(BUILDDIR)/%.o,$(call sources,$(FIRMDIR)/SOURCES))

$(BUILDDIR)/firmware/libfirmware.a: $(MEMBERS)
	$(SILENT)rm -f $@
	$(SILENT)$(AR) crs $@ $^
