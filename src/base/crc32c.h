// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of Kafka record batches and of our own
// files.
#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

// CRC of `bytes`; pass the CRC of what came before to continue it. Hardware CRC where the processor
// has it.
uint32_t Crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace millrace
