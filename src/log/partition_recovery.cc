// Opening a partition: which files belong to it, what their checkpoint says of them, and what was
// written after it.
//
// A batch that does not verify is damage when something proves that it was once on stable storage
// (the checkpoint, an index entry behind it, a later segment), or when the index that could tell is
// missing and valid batches follow. Otherwise it is the torn tail of a crash and is cut off; if
// valid batches follow (a power cut may keep a later write without an earlier one), the cut bytes
// are kept beside the segment.
#include <algorithm>

#include "base/logging.h"
#include "log/partition.h"
#include "log/segment_scan.h"

namespace millrace::log {

struct Partition::Found {
  std::vector<Offset> bases;  // of the .log files, ascending
};

Result<Partition::Found> Partition::FindFiles() {
  MR_ASSIGN(const auto entries, context_.fs.List(folder_));
  Found found;
  for (const io::FolderEntry& entry : entries) {
    if (const auto base = ParseSegmentFileName(entry.name, ".log")) {
      found.bases.push_back(*base);
    } else if (entry.name.ends_with(".tmp") || entry.name.ends_with(".clean")) {
      MR_TRY(context_.fs.RemoveFile(io::JoinPath(folder_, entry.name)));
    }
  }
  return found;
}

Result<std::optional<PartitionCheckpoint>> Partition::LoadCheckpoint() {
  const std::string path = io::JoinPath(folder_, kCheckpointFile);
  if (!context_.fs.Exists(path)) return std::optional<PartitionCheckpoint>();
  MR_ASSIGN(const std::string bytes, io::ReadWholeFile(context_.fs, path));
  auto checkpoint = PartitionCheckpoint::Decode(bytes);
  if (checkpoint) return std::optional(std::move(*checkpoint));
  if (checkpoint.error().code == ErrorCode::kUnsupported)
    return std::unexpected(std::move(checkpoint).error().WithContext(path));
  // Everything but the effect of DeleteRecords within a segment can be had from the batches.
  logging::Warning("log.checkpoint_damaged",
                   {{"file", path}, {"error", checkpoint.error().message}});
  return std::optional<PartitionCheckpoint>();
}

Status Partition::Recover() {
  MR_ASSIGN(Found found, FindFiles());
  // A killed process leaves names that are not durable yet: its newest segment, its checkpoint.
  if (!found.bases.empty()) MR_TRY(context_.fs.SyncFolder(folder_));
  MR_ASSIGN(const auto stored, LoadCheckpoint());
  PartitionCheckpoint checkpoint;
  if (stored) {
    checkpoint = *stored;
  } else if (!found.bases.empty()) {
    checkpoint.start = checkpoint.recovery = checkpoint.active = found.bases.front();
  }
  start_ = checkpoint.start;
  end_ = checkpoint.recovery;
  last_timestamp_ = checkpoint.last_timestamp;
  producers_ = checkpoint.producers;
  cleaned_ = checkpoint.cleaned;
  lost_ = checkpoint.lost;
  checkpointed_ = stored ? checkpoint.recovery : Offset(-1);
  MR_TRY(TakeClosed(checkpoint, found));
  MR_TRY(ScanTail(checkpoint, found));
  synced_end_ = end_;
  data_end_ = end_;
  start_ = std::min(start_, end_);
  if (!segments_.empty()) synced_position_ = segments_.back()->extent().bytes;
  producers_.Prune(start_, TimestampMs(INT64_MIN));
  const bool much_scanned = end_ - checkpoint.recovery > 0 &&
                            bytes_since_checkpoint_ >= context_.options.checkpoint_bytes / 16;
  if (much_scanned || lost_.size() != checkpoint.lost.size()) return StoreCheckpointLocked();
  return {};
}

// The closed segments of the checkpoint; files before the active segment that it does not name are
// what an interrupted removal left.
Status Partition::TakeClosed(const PartitionCheckpoint& checkpoint, Found& found) {
  std::vector<Offset> rest;
  for (const Offset base : found.bases) {
    if (base >= checkpoint.active) {
      rest.push_back(base);
      continue;
    }
    const bool named = std::ranges::any_of(
        checkpoint.closed,
        [&](const PartitionCheckpoint::Closed& closed) { return closed.extent.base == base; });
    if (named) continue;
    MR_TRY(context_.fs.RemoveFile(io::JoinPath(folder_, SegmentFileName(base, ".log"))));
    const std::string index = io::JoinPath(folder_, SegmentFileName(base, ".index"));
    if (context_.fs.Exists(index)) MR_TRY(context_.fs.RemoveFile(index));
  }
  found.bases = std::move(rest);
  for (const PartitionCheckpoint::Closed& closed : checkpoint.closed) {
    const std::string path = io::JoinPath(folder_, SegmentFileName(closed.extent.base, ".log"));
    Segment::Extent extent = closed.extent;
    const auto bytes = context_.fs.FileSize(path);
    if (!bytes && bytes.error().code != ErrorCode::kNotFound) return std::unexpected(bytes.error());
    const bool replaced = bytes && closed.bytes_next != 0 && *bytes == closed.bytes_next;
    if (replaced) extent.bytes = closed.bytes_next;
    if (!bytes || *bytes != extent.bytes) {
      if (!context_.options.accept_loss) {
        return Fail(ErrorCode::kDamaged, "{}, byte {}: the segment should have {} bytes", path,
                    bytes ? *bytes : 0, extent.bytes);
      }
      if (!bytes) {
        lost_.push_back({at_, extent.base, extent.end, "segment " + path + " is missing"});
        continue;
      }
    }
    if (context_.options.accept_loss) {
      MR_TRY(Salvage(path, extent.base, extent.end, extent.end));
      MR_ASSIGN(extent.bytes, context_.fs.FileSize(path));
    }
    MR_ASSIGN(auto segment, Segment::Open(context_.fs, folder_, extent, /*writable=*/false));
    segments_.push_back(std::move(segment));
  }
  return {};
}

Status Partition::ScanTail(const PartitionCheckpoint& checkpoint, Found& found) {
  if (checkpoint.recovery_position > 0 &&
      (found.bases.empty() || found.bases.front() != checkpoint.active)) {
    return Fail(ErrorCode::kDamaged, "{}, byte 0: the segment is missing",
                io::JoinPath(folder_, SegmentFileName(checkpoint.active, ".log")));
  }
  for (size_t i = 0; i < found.bases.size(); ++i) {
    const Offset base = found.bases[i];
    const bool is_last = i + 1 == found.bases.size();
    const auto next_base = is_last ? std::nullopt : std::optional(found.bases[i + 1]);
    const bool known = base == checkpoint.active;
    Segment::Extent extent;
    extent.base = base;
    extent.end = known ? checkpoint.recovery : base;
    if (known && checkpoint.recovery_position > 0) {
      extent.first_timestamp = checkpoint.active_first_timestamp;
      extent.max_timestamp = checkpoint.last_timestamp;
    }
    MR_TRY(ScanFile(base, known ? checkpoint.recovery_position : 0, next_base, extent));
    MR_ASSIGN(auto segment, Segment::Open(context_.fs, folder_, extent, is_last));
    segments_.push_back(std::move(segment));
  }
  return {};
}

// Reads the batches from byte `from` on, cuts a torn tail, and leaves the file synced. `next_base`:
// of the segment behind this one.
Status Partition::ScanFile(Offset base, uint64_t from, std::optional<Offset> next_base,
                           Segment::Extent& extent) {
  const bool is_last = !next_base;
  Offset lost_before = base;
  const std::string path = io::JoinPath(folder_, SegmentFileName(base, ".log"));
  if (context_.options.accept_loss) {
    MR_ASSIGN(const Offset durable, next_base ? *next_base : ProvenEnd(base, extent.end));
    MR_ASSIGN(const auto salvaged, Salvage(path, base, durable, extent.end));
    if (salvaged) from = *salvaged;
    if (salvaged) lost_before = durable;
  }
  MR_ASSIGN(const auto file, context_.fs.OpenForRead(path));
  MR_ASSIGN(const uint64_t size, file->Size());
  if (size < from) {
    return Fail(ErrorCode::kDamaged,
                "{}, byte {}: the segment was {} bytes long when it was synced", path, size, from);
  }
  BatchWalker walker(*file, from, size, context_.options.batch_bytes_max);
  while (!walker.AtEnd()) {
    std::string_view bytes;
    auto header = walker.Batch(bytes);
    if (header && (header->base_offset < end_ || !MayBeMissing(end_, header->base_offset))) {
      header = Fail(ErrorCode::kDamaged, "record batch at offset {}, but {} is next",
                    header->base_offset, end_);
    }
    if (!header) {
      if (header.error().code != ErrorCode::kDamaged) return std::unexpected(header.error());
      const uint64_t bad = walker.position();
      MR_ASSIGN(const bool valid_behind, walker.SeekValid(end_));
      MR_TRY(CutOrDamage(path, bad, size, is_last, header.error(), valid_behind));
      extent.bytes = bad;
      return {};
    }
    MR_TRY(ApplyScanned(*header, bytes, path, walker.position()));
    extent.end = header->end_offset();
    extent.first_timestamp = std::min(extent.first_timestamp, TimestampMs(header->max_timestamp));
    extent.max_timestamp = std::max(extent.max_timestamp, TimestampMs(header->max_timestamp));
    walker.Skip(*header);
  }
  end_ = std::max(end_, lost_before);
  extent.end = std::max(extent.end, lost_before);
  extent.bytes = size;
  bytes_since_checkpoint_ += size - from;
  // After kill -9 these bytes may still be in memory only, and they are about to be served.
  if (size == from || !is_last) return {};
  MR_ASSIGN(const auto writer, context_.fs.OpenForWrite(path, io::OpenMode::kAppend));
  return writer->Sync();
}

Status Partition::ApplyScanned(const BatchHeader& header, std::string_view bytes,
                               const std::string& path, uint64_t position) {
  std::optional<bool> commit;
  if (header.control()) {
    auto decision = MarkerDecision(header, bytes, limits());
    if (!decision) return AtByte(std::move(decision).error(), path, position);
    commit = *decision;
  }
  producers_.Apply(header, commit);
  end_ = header.end_offset();
  last_timestamp_ = std::max(last_timestamp_, TimestampMs(header.max_timestamp));
  return {};
}

Status Partition::CutOrDamage(const std::string& path, uint64_t position, uint64_t size,
                              bool is_last, const Error& why, bool valid_behind) {
  const std::string index_path = path.substr(0, path.size() - 4) + ".index";
  MR_ASSIGN(const LoadedIndex index, LoadIndex(context_.fs, index_path, UINT64_MAX));
  const bool proven = !index.entries.empty() && index.entries.back().position > position;
  if (!is_last || proven || (!index.exists && valid_behind))
    return AtByte(Error(why), path, position);
  return CutTail(path, position, size, valid_behind);
}

Status Partition::CutTail(const std::string& path, uint64_t position, uint64_t size,
                          bool keep_copy) {
  if (keep_copy) {
    MR_ASSIGN(const auto file, context_.fs.OpenForRead(path));
    std::string cut(size - position, '\0');
    MR_ASSIGN(const size_t read, file->ReadAt(position, cut.size(), cut.data()));
    cut.resize(read);
    MR_TRY(io::WriteFileAtomically(context_.fs, fmt::format("{}.cut-{}", path, position), cut));
  }
  logging::Warning(
      "log.tail_cut",
      {{"file", path}, {"byte", position}, {"bytes", size - position}, {"copy_kept", keep_copy}});
  MR_ASSIGN(const auto writer, context_.fs.OpenForWrite(path, io::OpenMode::kAppend));
  MR_TRY(writer->Truncate(position));
  return writer->Sync();
}

bool Partition::MayBeMissing(Offset from, Offset to) const {
  if (from == to || spec_.cleanup == Cleanup::kCompact || to <= cleaned_) return true;
  return std::ranges::any_of(
      lost_, [&](const LostRange& lost) { return lost.begin <= from && to <= lost.end; });
}

// Records before it were once on stable storage: `known`, or what the index says of the segment.
Result<Offset> Partition::ProvenEnd(Offset base, Offset known) const {
  const std::string path = io::JoinPath(folder_, SegmentFileName(base, ".index"));
  MR_ASSIGN(const LoadedIndex index, LoadIndex(context_.fs, path, UINT64_MAX));
  return index.entries.empty() ? known : std::max(known, index.entries.back().offset);
}

// --accept-loss: keeps the valid batches of a damaged segment, and the damaged file beside them.
// What does not verify behind `durable` may be the torn tail of a crash and is left to the scan.
// The bytes of what is kept before `recovery`; nullopt: the file stayed as it was.
Result<std::optional<uint64_t>> Partition::Salvage(const std::string& path, Offset base,
                                                   Offset durable, Offset recovery) {
  MR_ASSIGN(const auto file, context_.fs.OpenForRead(path));
  MR_ASSIGN(const uint64_t size, file->Size());
  BatchWalker walker(*file, 0, size, context_.options.batch_bytes_max);
  std::string good;
  uint64_t before_recovery = 0;
  std::vector<LostRange> lost;
  Offset next = base;
  bool bad_tail = false;
  while (!walker.AtEnd() && !bad_tail) {
    std::string_view bytes;
    const auto header = walker.Batch(bytes);
    const bool behind_damage = !lost.empty() && lost.back().end.value < 0;
    // No checksum covers the first offset of a batch. Bytes do not vanish from within a file: an
    // offset that leaves a gap nobody knows of is damage.
    const bool in_place = header && header->base_offset >= next &&
                          (behind_damage || MayBeMissing(next, header->base_offset));
    if (in_place) {
      if (behind_damage) lost.back().end = header->base_offset;
      good += bytes;
      next = header->end_offset();
      if (next <= recovery) before_recovery = good.size();
      walker.Skip(*header);
      continue;
    }
    const uint64_t bad = walker.position();
    MR_ASSIGN(const bool more, walker.SeekValid(next));
    bad_tail = !more;
    if (more || next < durable) {
      lost.push_back({at_, next, more ? Offset(-1) : durable,
                      fmt::format("damage in {} at byte {}", path, bad)});
    }
  }
  if (!bad_tail && next < durable && !MayBeMissing(next, durable))
    lost.push_back({at_, next, durable, "the end of " + path + " is missing"});
  if (lost.empty()) return std::optional<uint64_t>();
  MR_TRY(FinishSalvage(path, good));
  lost_.insert(lost_.end(), lost.begin(), lost.end());
  return std::optional(before_recovery);
}

Status Partition::FinishSalvage(const std::string& path, std::string_view good) {
  const std::string clean = path + ".clean";
  {
    MR_ASSIGN(const auto writer, context_.fs.OpenForWrite(clean, io::OpenMode::kTruncate));
    MR_TRY(writer->Append(good));
    MR_TRY(writer->Sync());
  }
  if (!context_.fs.Exists(path + ".damaged")) MR_TRY(context_.fs.Link(path, path + ".damaged"));
  MR_TRY(context_.fs.SyncFolder(folder_));  // before the damaged file loses its first name
  MR_TRY(context_.fs.Rename(clean, path));
  return context_.fs.SyncFolder(folder_);
}

}  // namespace millrace::log
