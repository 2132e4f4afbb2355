/* A libnvidia-ml.so.1 of two cards: one answers, the other is lost. Only what a probe calls; the structures are nvml.h's. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int nvmlReturn_t;
typedef struct { int index; } *nvmlDevice_t;
typedef struct { char busIdLegacy[16]; unsigned domain, bus, device, pciDeviceId, pciSubSystemId; char busId[32]; } nvmlPciInfo_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } nvmlMemory_v2_t;

static struct { int index; } cards[2] = {{0}, {1}};
static const unsigned long long MIB = 1ull << 20;

nvmlReturn_t nvmlInit_v2(void) { return 0; }
nvmlReturn_t nvmlInitWithFlags(unsigned flags) { (void)flags; return 0; }
nvmlReturn_t nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(nvmlReturn_t code) { (void)code; return "stub"; }
nvmlReturn_t nvmlSystemGetDriverVersion(char *text, unsigned length) { snprintf(text, length, "580.159.04"); return 0; }
nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) { *version = 13000; return 0; }
nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13000; return 0; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device) {
    *device = (nvmlDevice_t)&cards[index];
    return index == 1 ? 15 : 0; /* NVML_ERROR_GPU_IS_LOST */
}
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *text, unsigned length) {
    (void)device;
    snprintf(text, length, "NVIDIA L40S");
    return 0;
}
nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *text, unsigned length) {
    (void)device;
    snprintf(text, length, "GPU-5a5a5a5a-0000-1111-2222-333333333333");
    return 0;
}
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    (void)device;
    memset(pci, 0, sizeof *pci);
    pci->pciDeviceId = 0x26b910de;
    pci->pciSubSystemId = 0x185110de;
    snprintf(pci->busId, sizeof pci->busId, "00000000:C1:00.0");
    return 0;
}
nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor) {
    (void)device;
    *major = 8;
    *minor = 9;
    return 0;
}
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    (void)device;
    memory->total = 46068 * MIB;
    memory->free = 45000 * MIB;
    memory->used = 1068 * MIB;
    return 0;
}
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
    (void)device;
    if (memory->version != (sizeof *memory | 2u << 24)) return 25; /* NVML_ERROR_ARGUMENT_VERSION_MISMATCH */
    memory->total = 46068 * MIB;
    memory->reserved = 568 * MIB;
    memory->free = 45000 * MIB;
    memory->used = 500 * MIB;
    return 0;
}
nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, unsigned *now, unsigned *pending) {
    (void)device;
    *now = *pending = 1;
    return 0;
}
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *now, unsigned *pending) {
    (void)device;
    (void)now;
    (void)pending;
    return 3; /* NVML_ERROR_NOT_SUPPORTED */
}
