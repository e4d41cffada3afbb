// Record batches as a hostile client or a damaged disk would give them: as they come, and with the
// checksum made right so that what lies behind it is reached too.
#include <cstdint>
#include <string>

#include "log/record_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;
  const log::DecodeLimits limits{1 << 20, 1 << 20};
  std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const bool reseal : {false, true}) {
    if (reseal) {
      const auto header = log::ParseBatchHeader(bytes, limits.batch_bytes_max);
      if (!header || header->total_bytes() > bytes.size()) return 0;
      log::SealBatch(bytes.data(), header->total_bytes());
    }
    flow::RecordBlock block;
    if (!log::DecodeBatch(bytes, nullptr, limits, Offset(0), Offset(INT64_MAX), block)) continue;
    uint64_t sum = 0;
    for (const flow::RecordView& record : block.records) {
      for (const char c : record.key_view()) sum += static_cast<uint8_t>(c);
      for (const char c : record.value_view()) sum += static_cast<uint8_t>(c);
      if (auto headers = flow::DecodeHeaders(record.raw_headers)) sum += headers->size();
    }
    if (sum == UINT64_MAX) __builtin_trap();
    const auto header = log::VerifyBatch(bytes, limits.batch_bytes_max).value();
    if (header.control()) static_cast<void>(log::MarkerDecision(header, bytes, limits).has_value());
  }
  return 0;
}
