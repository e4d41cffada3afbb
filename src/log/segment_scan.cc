#include "log/segment_scan.h"

#include <algorithm>

namespace millrace::log {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr size_t kAnyBatch = size_t{1} << 31;

}  // namespace

Result<BatchHeader> VerifyStoredBatch(std::string_view bytes, size_t batch_bytes_max) {
  MR_ASSIGN(const BatchHeader header, VerifyBatch(bytes, batch_bytes_max));
  if (header.leader_epoch != 0) {
    return Fail(ErrorCode::kDamaged, "record batch at offset {}: leader epoch {}, stored was 0",
                header.base_offset, header.leader_epoch);
  }
  return header;
}

Result<std::string_view> BatchWalker::Peek(size_t size) {
  const uint64_t wanted = std::min<uint64_t>(size, end_ - position_);
  const uint64_t have_end = buffer_at_ + buffer_.size();
  if (position_ < buffer_at_ || position_ + wanted > have_end) {
    buffer_.resize(std::min<uint64_t>(std::max<uint64_t>(wanted, kPiece), end_ - position_));
    MR_ASSIGN(const size_t read, file_.ReadAt(position_, buffer_.size(), buffer_.data()));
    buffer_.resize(read);
    buffer_at_ = position_;
  }
  const auto view = std::string_view(buffer_).substr(position_ - buffer_at_);
  return view.substr(0, std::min<size_t>(view.size(), wanted));
}

Result<BatchHeader> BatchWalker::Header() {
  MR_ASSIGN(const std::string_view bytes, Peek(kBatchHeaderBytes));
  MR_ASSIGN(const BatchHeader header, ParseBatchHeader(bytes, batch_bytes_max_));
  if (header.total_bytes() > end_ - position_) {
    return Fail(ErrorCode::kDamaged, "record batch of {} bytes, only {} are left",
                header.total_bytes(), end_ - position_);
  }
  return header;
}

Result<BatchHeader> BatchWalker::Batch(std::string_view& bytes) {
  MR_ASSIGN(const BatchHeader header, Header());
  MR_ASSIGN(bytes, Peek(header.total_bytes()));
  return VerifyStoredBatch(bytes, batch_bytes_max_);
}

Result<bool> BatchWalker::SeekValid(Offset least) {
  for (++position_; position_ + kBatchHeaderBytes <= end_; ++position_) {
    MR_ASSIGN(const std::string_view bytes, Peek(kBatchHeaderBytes));
    // The magic is checked here because this loop runs over every byte of the damage.
    if (bytes.size() < kBatchHeaderBytes) return false;
    if (bytes[16] != 2) continue;
    std::string_view whole;
    const auto header = Batch(whole);
    if (header && header->base_offset >= least) return true;
    if (!header && header.error().code != ErrorCode::kDamaged)
      return std::unexpected(header.error());
  }
  return false;
}

Status WalkHeaders(const io::ReadableFile& file, const std::string& path, uint64_t position,
                   uint64_t end,
                   const std::function<void(const BatchHeader&, uint64_t position)>& visit) {
  BatchWalker walker(file, position, end, kAnyBatch);
  while (!walker.AtEnd()) {
    auto header = walker.Header();
    if (!header) return AtByte(std::move(header).error(), path, walker.position());
    visit(*header, walker.position());
    walker.Skip(*header);
  }
  return {};
}

std::unexpected<Error> AtByte(Error error, const std::string& path, uint64_t position) {
  return std::unexpected(std::move(error).WithContext(fmt::format("{}, byte {}", path, position)));
}

}  // namespace millrace::log
