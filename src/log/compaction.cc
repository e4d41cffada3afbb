// Key compaction: of each key the last record stays, offsets stay, and what producers and
// transactions need to know stays.
#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "base/logging.h"
#include "log/partition.h"
#include "log/segment_scan.h"

namespace millrace::log {
namespace {

// The newest offset of each key. Keys are held as 128-bit hashes: a billion keys collide with a
// chance of one in 10^20.
class NewestOffsets {
 public:
  void Note(std::string_view key, Offset offset) {
    Offset& newest = newest_[Hash(key)];
    newest = std::max(newest, offset);
  }
  bool IsNewest(std::string_view key, Offset offset) const {
    const auto found = newest_.find(Hash(key));
    return found == newest_.end() || found->second <= offset;
  }

 private:
  using Key = std::pair<uint64_t, uint64_t>;
  struct Mix {
    size_t operator()(const Key& key) const { return key.first; }
  };
  static Key Hash(std::string_view key) { return {Hash64(key), Hash64(key, 0x9e3779b97f4a7c15)}; }
  std::unordered_map<Key, Offset, Mix> newest_;
};

}  // namespace

// One compaction of one partition: first all keys, then segment by segment anew.
class Compaction {
 public:
  Compaction(io::FileSystem& fs, const DecodeLimits& limits,
             std::vector<AbortedTransaction> aborted, int64_t tombstones_before_ms)
      : fs_(fs),
        limits_(limits),
        aborted_(std::move(aborted)),
        tombstones_before_ms_(tombstones_before_ms) {}

  Status NoteKeys(const Segment& segment) {
    return Visit(segment, [&](const BatchHeader& header, std::string_view bytes) -> Status {
      if (header.control() || IsAborted(header)) return {};
      MR_ASSIGN(const flow::RecordBlock block, Decode(header, bytes));
      for (const flow::RecordView& record : block.records) {
        if (record.key != nullptr) newest_.Note(record.key_view(), record.offset);
      }
      return {};
    });
  }

  // Writes what stays of `segment` to `path`, synced; its extent, or nullopt when nothing changes.
  Result<std::optional<Segment::Extent>> Rewrite(const Segment& segment, const std::string& path) {
    Segment::Extent extent = segment.extent();
    bool changed = false;
    MR_ASSIGN(const auto writer, fs_.OpenForWrite(path, io::OpenMode::kTruncate));
    MR_TRY(Visit(segment, [&](const BatchHeader& header, std::string_view bytes) -> Status {
      MR_ASSIGN(const std::optional<std::string> rewritten, RewriteBatch(header, bytes));
      changed = changed || rewritten;
      return writer->Append(rewritten ? std::string_view(*rewritten) : bytes);
    }));
    if (!changed) {
      MR_TRY(fs_.RemoveFile(path));
      return std::optional<Segment::Extent>();
    }
    MR_TRY(writer->Sync());
    extent.bytes = writer->size();
    return std::optional(extent);
  }

 private:
  Status Visit(const Segment& segment,
               const std::function<Status(const BatchHeader&, std::string_view)>& visit) {
    BatchWalker walker(segment.file(), 0, segment.extent().bytes, limits_.batch_bytes_max);
    while (!walker.AtEnd()) {
      std::string_view bytes;
      auto header = walker.Batch(bytes);
      if (!header) return AtByte(std::move(header).error(), segment.path(), walker.position());
      MR_TRY(visit(*header, bytes.substr(0, header->total_bytes())));
      walker.Skip(*header);
    }
    return {};
  }

  bool IsAborted(const BatchHeader& batch) const {
    if (!batch.transactional()) return false;
    return std::ranges::any_of(aborted_, [&](const AbortedTransaction& transaction) {
      return transaction.producer.value == batch.producer_id &&
             transaction.first <= batch.base_offset && batch.base_offset < transaction.marker;
    });
  }

  Result<flow::RecordBlock> Decode(const BatchHeader& header, std::string_view bytes) const {
    flow::RecordBlock block;
    MR_TRY(
        DecodeVerifiedBatch(header, bytes, nullptr, limits_, Offset(0), Offset(INT64_MAX), block));
    return block;
  }

  bool Stays(const flow::RecordView& record) const {
    if (record.key == nullptr || !newest_.IsNewest(record.key_view(), record.offset)) return false;
    return record.value != nullptr || record.timestamp.value >= tombstones_before_ms_;
  }

  // The batch without what goes: "" when nothing stays, nullopt when it stays as it is. Its
  // transaction is decided, so it is written as an ordinary batch, and markers go: a partition that
  // lost its checkpoint would else wait for markers that are gone.
  Result<std::optional<std::string>> RewriteBatch(const BatchHeader& header,
                                                  std::string_view bytes) const {
    if (header.control() || IsAborted(header)) return std::optional(std::string());
    MR_ASSIGN(const flow::RecordBlock block, Decode(header, bytes));
    BatchBuilder builder(static_cast<Codec>(header.codec_number()));
    for (const flow::RecordView& record : block.records) {
      if (!Stays(record)) continue;
      builder.AddAt(static_cast<int32_t>(record.offset - header.base_offset),
                    header.log_append_time() ? 0 : record.timestamp.value - header.base_timestamp,
                    record);
    }
    if (builder.records() == 0) return std::optional(std::string());
    if (builder.records() == header.record_count && !header.transactional())
      return std::optional<std::string>();
    BatchHeader plain = header;
    if (header.transactional()) {
      plain.attributes &= static_cast<int16_t>(~BatchHeader::kTransactional);
      plain.producer_id = -1;
      plain.producer_epoch = -1;
      plain.base_sequence = -1;
    }
    MR_ASSIGN(std::string rewritten, builder.FinishAs(plain));
    return std::optional(std::move(rewritten));
  }

  io::FileSystem& fs_;
  const DecodeLimits limits_;
  const std::vector<AbortedTransaction> aborted_;
  const int64_t tombstones_before_ms_;
  NewestOffsets newest_;
};

Status Partition::Compact(std::optional<Offset> keep_from) {
  std::lock_guard care(care_mutex_);
  Segments segments;
  Offset stable;
  int64_t tombstones_before_ms = 0;
  size_t closed = 0;
  {
    std::lock_guard lock(mutex_);
    MR_TRY(status_);
    segments = segments_;
    stable = OffsetsLocked().last_stable;
    tombstones_before_ms = context_.clock.Now().value / 1000 - spec_.delete_retention_ms;
    while (closed + 1 < segments.size() && segments[closed]->extent().end <= stable &&
           (!keep_from || segments[closed]->extent().end <= *keep_from)) {
      ++closed;
    }
    if (closed == 0 || segments[closed - 1]->extent().end <= cleaned_) return {};
  }
  // Records behind the last stable offset may be aborted yet: they shadow nothing. Only closed
  // segments are read, so the active one shadows nothing either.
  Compaction compaction(context_.fs, limits(), AbortedIn(Offset(0), Offset(INT64_MAX)),
                        tombstones_before_ms);
  for (size_t i = 0; i < closed; ++i) MR_TRY(compaction.NoteKeys(*segments[i]));
  for (size_t i = 0; i < closed; ++i) {
    const std::string clean = segments[i]->path() + ".clean";
    MR_ASSIGN(const auto extent, compaction.Rewrite(*segments[i], clean));
    if (extent) MR_TRY(ReplaceSegment(segments[i]->base(), clean, *extent));
  }
  std::unique_lock lock(mutex_);
  synced_.wait(lock, [&] { return !syncing_; });
  cleaned_ = std::max(cleaned_, segments[closed - 1]->extent().end);
  producers_.Prune(cleaned_, TimestampMs(INT64_MIN));  // nothing aborted is left there
  return StoreCheckpointLocked();
}

// The checkpoint first says that a file of either size is right, then the file is put in place.
Status Partition::ReplaceSegment(Offset base, const std::string& clean_path,
                                 const Segment::Extent& extent) {
  std::unique_lock lock(mutex_);
  synced_.wait(lock, [&] { return !syncing_; });
  const auto at = std::ranges::find_if(
      segments_, [&](const std::shared_ptr<Segment>& segment) { return segment->base() == base; });
  MR_CHECK(at != segments_.end(), "a segment under compaction stays in its partition");
  const std::string path = (*at)->path();
  if (extent.bytes == 0) {
    MR_TRY(context_.fs.RemoveFile(clean_path));
    segments_.erase(at);
    MR_TRY(StoreCheckpointLocked());
    MR_TRY(context_.fs.RemoveFile(path));
    return context_.fs.RemoveFile(path.substr(0, path.size() - 4) + ".index");
  }
  MR_TRY(StoreCheckpointLocked(std::pair(base, extent.bytes)));
  MR_TRY(context_.fs.Rename(clean_path, path));
  MR_TRY(context_.fs.SyncFolder(folder_));
  MR_ASSIGN(*at, Segment::Open(context_.fs, folder_, extent, /*writable=*/false));
  return {};
}

}  // namespace millrace::log
