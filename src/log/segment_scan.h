// Walking through the batches of a segment file: for recovery, inspection, compaction and the
// rebuilding of indexes.
//
// Thread contract: any thread; a walk reads the file through a buffer of its own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "io/file_system.h"
#include "log/batch_header.h"

namespace millrace::log {

// The same for a batch that the log has stored: its leader epoch, which no checksum covers, is 0.
Result<BatchHeader> VerifyStoredBatch(std::string_view bytes, size_t batch_bytes_max);

// Reads ahead through a file in large pieces; a view stays valid until the next call.
class BatchWalker {
 public:
  BatchWalker(const io::ReadableFile& file, uint64_t position, uint64_t end, size_t batch_bytes_max)
      : file_(file), position_(position), end_(end), batch_bytes_max_(batch_bytes_max) {}

  uint64_t position() const { return position_; }
  bool AtEnd() const { return position_ >= end_; }
  // The header at position(), without its checksum.
  Result<BatchHeader> Header();
  // The whole batch at position(), verified. kDamaged: there is none.
  Result<BatchHeader> Batch(std::string_view& bytes);
  void Skip(const BatchHeader& header) { position_ += header.total_bytes(); }
  // Moves to the next position behind position() at which a whole, valid batch with base offset at
  // or behind `least` starts; false when there is none before the end.
  Result<bool> SeekValid(Offset least);

 private:
  // At least `size` bytes from position_, or as many as there are.
  Result<std::string_view> Peek(size_t size);

  const io::ReadableFile& file_;
  uint64_t position_;
  const uint64_t end_;
  const size_t batch_bytes_max_;
  std::string buffer_;
  uint64_t buffer_at_ = 0;
};

// Visits every batch header of [position, end) without reading checksums. kDamaged names `path` and
// the byte.
Status WalkHeaders(const io::ReadableFile& file, const std::string& path, uint64_t position,
                   uint64_t end,
                   const std::function<void(const BatchHeader&, uint64_t position)>& visit);

// `error` with "<path>, byte <position>: " before it.
std::unexpected<Error> AtByte(Error error, const std::string& path, uint64_t position);

}  // namespace millrace::log
