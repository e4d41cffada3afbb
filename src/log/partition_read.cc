// Reading a partition: by offset, by time, decoded or as stored.
#include <algorithm>

#include "base/logging.h"
#include "log/compression.h"
#include "log/partition.h"
#include "log/segment_scan.h"

namespace millrace::log {
namespace {

constexpr size_t kPieceMin = 64 << 10;
constexpr size_t kPieceMax = 256 << 10;  // stays in the processor's cache until it is decoded

bool IsAborted(const std::vector<AbortedTransaction>& aborted, const BatchHeader& batch) {
  if (!batch.transactional()) return false;
  return std::ranges::any_of(aborted, [&](const AbortedTransaction& transaction) {
    return transaction.producer.value == batch.producer_id &&
           transaction.first <= batch.base_offset && batch.base_offset < transaction.marker;
  });
}

// Room that the thread's next reader takes over, warm.
thread_local DecodedBytes spare_room;  // size: of the room

// Batches of one segment from a position on, each in padded memory that outlives the reader only
// when its owner is asked for.
class PieceReader {
 public:
  PieceReader(const Segment& segment, uint64_t position, uint64_t end, size_t piece,
              size_t batch_bytes_max)
      : segment_(segment),
        position_(position),
        end_(end),
        piece_(piece),
        batch_bytes_max_(batch_bytes_max),
        room_(std::move(spare_room)) {}
  ~PieceReader() {
    if (room_.owner.use_count() == 1 && room_.size <= kPieceMax) spare_room = std::move(room_);
  }
  PieceReader(const PieceReader&) = delete;
  PieceReader& operator=(const PieceReader&) = delete;

  bool AtEnd() const { return position_ >= end_; }
  uint64_t position() const { return position_; }
  std::shared_ptr<const void> owner() const { return {room_.owner, room_.owner.get()}; }

  // The header at the position, not verified.
  Result<BatchHeader> Header() {
    MR_ASSIGN(const std::string_view bytes, Peek(kBatchHeaderBytes));
    auto header = ParseBatchHeader(bytes, batch_bytes_max_);
    if (!header) return AtByte(std::move(header).error(), segment_.path(), position_);
    return header;
  }
  // The whole batch of `header`, verified.
  Result<std::string_view> Batch(const BatchHeader& header) {
    MR_ASSIGN(const std::string_view bytes, Peek(header.total_bytes()));
    auto verified = VerifyStoredBatch(bytes, batch_bytes_max_);
    if (!verified) return AtByte(std::move(verified).error(), segment_.path(), position_);
    return bytes.substr(0, header.total_bytes());
  }
  void Skip(const BatchHeader& header) { position_ += header.total_bytes(); }

 private:
  Result<std::string_view> Peek(size_t size) {
    const uint64_t wanted = std::min<uint64_t>(size, end_ - position_);
    if (position_ < piece_at_ || position_ + wanted > piece_at_ + piece_bytes_) {
      const uint64_t piece =
          std::min<uint64_t>(std::max<uint64_t>(wanted, piece_), end_ - position_);
      if (piece > room_.size || room_.owner.use_count() != 1) {
        room_ = AllocateDecoded(piece);
        room_.size = piece;
      }
      piece_bytes_ = 0;
      MR_ASSIGN(piece_bytes_, segment_.file().ReadAt(position_, piece, room_.owner.get()));
      piece_at_ = position_;
    }
    return std::string_view(room_.owner.get(), piece_bytes_).substr(position_ - piece_at_);
  }

  const Segment& segment_;
  uint64_t position_;
  const uint64_t end_;
  const size_t piece_;
  const size_t batch_bytes_max_;
  DecodedBytes room_;
  uint64_t piece_at_ = UINT64_MAX;
  size_t piece_bytes_ = 0;
};

}  // namespace

std::vector<AbortedTransaction> Partition::AbortedIn(Offset from, Offset to) const {
  std::lock_guard lock(mutex_);
  std::vector<AbortedTransaction> touching;
  for (const AbortedTransaction& aborted : producers_.aborted()) {
    if (aborted.first < to && from <= aborted.marker) touching.push_back(aborted);
  }
  return touching;
}

Result<Partition::View> Partition::MakeView(Offset from, Offset to, bool committed) const {
  View view;
  {
    std::lock_guard lock(mutex_);
    MR_TRY(status_);
    const PartitionOffsets offsets = OffsetsLocked();
    view.limit = committed ? offsets.last_stable : offsets.high_watermark;
    if (from < start_) {
      return Fail(ErrorCode::kNotFound, "{}/{}: offset {} was removed, the first is {}", at_.topic,
                  at_.partition, from, start_);
    }
    if (from > view.limit) {
      return Fail(ErrorCode::kInvalidArgument, "{}/{}: offset {} lies beyond the readable end {}",
                  at_.topic, at_.partition, from, view.limit);
    }
    view.limit = std::min(view.limit, to);
    view.gaps = spec_.cleanup == Cleanup::kCompact || cleaned_ > from || !lost_.empty();
    for (const auto& segment : segments_) {
      const bool last = segment == segments_.back();
      if (segment->base() < view.limit && (last || from < segment->extent().end))
        view.segments.push_back(segment);
    }
  }
  if (committed) view.aborted = AbortedIn(from, view.limit);
  return view;
}

Status Partition::ReadSegment(Segment& segment, const View& view, Offset to, size_t bytes_max,
                              flow::RecordBlock& block) {
  const Offset from = block.next;
  MR_ASSIGN(const IndexEntry begin, segment.PositionFor(from));
  PieceReader reader(segment, begin.position, segment.extent().bytes,
                     std::clamp(bytes_max, kPieceMin, kPieceMax), context_.options.batch_bytes_max);
  Offset expected = begin.offset;
  while (!reader.AtEnd() && block.next < to && (block.records.empty() || block.bytes < bytes_max)) {
    MR_ASSIGN(const BatchHeader header, reader.Header());
    // The base offset is the one number that no checksum covers: it must follow from the others.
    if (header.base_offset < expected || (header.base_offset > expected && !view.gaps)) {
      return AtByte(
          {ErrorCode::kDamaged,
           fmt::format("record batch at offset {}, but {} is next", header.base_offset, expected),
           {}},
          segment.path(), reader.position());
    }
    expected = header.end_offset();
    if (header.base_offset >= to) break;
    if (header.end_offset() > from) {
      MR_ASSIGN(const std::string_view batch, reader.Batch(header));
      if (!IsAborted(view.aborted, header)) {
        const std::shared_ptr<const void> owner =
            header.codec_number() == 0 ? reader.owner() : nullptr;
        auto decoded = DecodeVerifiedBatch(header, batch, owner, limits(), from, to, block);
        if (!decoded) return AtByte(std::move(decoded).error(), segment.path(), reader.position());
      }
      block.next = std::min(header.end_offset(), to);
    }
    reader.Skip(header);
  }
  return {};
}

Result<flow::RecordBlock> Partition::Read(Offset from, Offset to, size_t bytes_max,
                                          bool committed) {
  MR_ASSIGN(const View view, MakeView(from, to, committed));
  flow::RecordBlock block;
  block.next = from;
  for (const auto& segment : view.segments) {
    if (block.bytes >= bytes_max && !block.records.empty()) return block;
    auto status = ReadSegment(*segment, view, view.limit, bytes_max, block);
    if (!status) {
      if (status.error().code == ErrorCode::kDamaged) {
        std::lock_guard lock(mutex_);
        if (status_) Damage(Error(status.error()));
        return std::unexpected(status_.error());
      }
      return std::unexpected(std::move(status).error());
    }
    // Nothing follows in this segment (compaction may have taken its last records).
    if (segment != view.segments.back() && (block.records.empty() || block.bytes < bytes_max))
      block.next = std::max(block.next, segment->extent().end);
  }
  if (block.records.empty() || block.bytes < bytes_max)
    block.next = std::max(block.next, std::max(from, view.limit));
  return block;
}

Result<std::string> Partition::ReadRaw(Offset from, size_t bytes_max) {
  MR_ASSIGN(const View view, MakeView(from, Offset(INT64_MAX), /*committed=*/false));
  std::string bytes;
  for (const auto& segment : view.segments) {
    MR_ASSIGN(const IndexEntry begin, segment->PositionFor(from));
    PieceReader reader(*segment, begin.position, segment->extent().bytes,
                       std::clamp(bytes_max, kPieceMin, kPieceMax),
                       context_.options.batch_bytes_max);
    while (!reader.AtEnd()) {
      MR_ASSIGN(const BatchHeader header, reader.Header());
      if (header.base_offset >= view.limit) break;
      if (header.end_offset() > from) {
        if (!bytes.empty() && bytes.size() + header.total_bytes() > bytes_max) return bytes;
        MR_ASSIGN(const std::string_view batch, reader.Batch(header));
        bytes += batch;
      }
      reader.Skip(header);
    }
  }
  return bytes;
}

Result<Offset> Partition::OffsetForTime(TimestampMs at) {
  const PartitionOffsets offsets = this->offsets();
  MR_ASSIGN(const View view, MakeView(offsets.start, Offset(INT64_MAX), /*committed=*/true));
  for (const auto& segment : view.segments) {
    if (segment->extent().max_timestamp < at) continue;
    MR_ASSIGN(const IndexEntry begin, segment->PositionForTime(at));
    PieceReader reader(*segment, begin.position, segment->extent().bytes, kPieceMin,
                       context_.options.batch_bytes_max);
    while (!reader.AtEnd()) {
      MR_ASSIGN(const BatchHeader header, reader.Header());
      if (header.base_offset >= view.limit) return view.limit;
      // LogAppendTime: all records of a batch bear the batch's time.
      if (header.max_timestamp >= at.value && !header.control())
        return std::max(header.base_offset, offsets.start);
      reader.Skip(header);
    }
  }
  return view.limit;
}

}  // namespace millrace::log
