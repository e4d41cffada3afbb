// The lists of kernels that kernel_registry.cc joins, a file each; those named in kernel.h are some
// of them.
#pragma once

#include <span>

#include "engine/kernel.h"

namespace millrace::engine {

std::span<const KernelRegistration> ArithmeticKernels();
std::span<const KernelRegistration> ComparisonKernels();
std::span<const KernelRegistration> StringJoinKernels();
std::span<const KernelRegistration> TextSearchKernels();  // positions, parts, tests
std::span<const KernelRegistration> TextMakingKernels();  // formats, masks, codes
std::span<const KernelRegistration> EncodingKernels();
std::span<const KernelRegistration> UrlKernels();
std::span<const KernelRegistration> RoundingKernels();
std::span<const KernelRegistration> CalendarKernels();   // fields and arithmetic of dates
std::span<const KernelRegistration> TimestampKernels();  // instants and zones
std::span<const KernelRegistration> LambdaKernels();
std::span<const KernelRegistration> MapKernels();
std::span<const KernelRegistration> SparkHashKernels();
std::span<const KernelRegistration> RandomKernels();
std::span<const KernelRegistration> SequenceKernels();
std::span<const KernelRegistration> RaisingKernels();

}  // namespace millrace::engine
