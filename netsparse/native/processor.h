// What every library is asked before it is used: of which source it is and, the baseline, which variant can run here.
#pragma once

#define NETSPARSE_API extern "C" __attribute__((visibility("default")))

#ifndef NETSPARSE_SOURCE
#define NETSPARSE_SOURCE ""
#endif

NETSPARSE_API const char* netsparse_source() { return NETSPARSE_SOURCE; }

NETSPARSE_API int netsparse_processor_level() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 4;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return 3;
#endif
    return 0;
}
