#include "log/segment.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/logging.h"
#include "log/segment_scan.h"

namespace millrace::log {
namespace {

constexpr std::string_view kIndexMagic("MRIX\x01\0\0\0", 8);  // name and version 1, little-endian
constexpr size_t kEntryBytes = 32;
constexpr uint64_t kEntrySpacing = 16 << 10;  // bytes of log per entry kept in memory
constexpr uint64_t kIndexFileMax = 256 << 20;

std::string EncodeEntry(const IndexEntry& entry) {
  std::string bytes;
  AppendLittle(bytes, entry.offset.value);
  AppendLittle(bytes, entry.position);
  AppendLittle(bytes, entry.max_timestamp.value);
  AppendLittle(bytes, uint32_t{0});
  AppendLittle(bytes, Crc32c(bytes));
  return bytes;
}

std::optional<IndexEntry> DecodeEntry(std::string_view bytes) {
  if (Crc32c(bytes.substr(0, kEntryBytes - 4)) != LoadLittle<uint32_t>(bytes.data() + 28))
    return std::nullopt;
  return IndexEntry{Offset(LoadLittle<int64_t>(bytes.data())),
                    LoadLittle<uint64_t>(bytes.data() + 8),
                    TimestampMs(LoadLittle<int64_t>(bytes.data() + 16))};
}

}  // namespace

std::string SegmentFileName(Offset base, std::string_view extension) {
  return fmt::format("{:020}{}", base.value, extension);
}

std::optional<Offset> ParseSegmentFileName(std::string_view name, std::string_view extension) {
  if (name.size() != 20 + extension.size() || !name.ends_with(extension)) return std::nullopt;
  int64_t base = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 20, base);
  if (error != std::errc() || end != name.data() + 20 || base < 0) return std::nullopt;
  return Offset(base);
}

Result<LoadedIndex> LoadIndex(io::FileSystem& fs, const std::string& path, uint64_t log_bytes) {
  LoadedIndex index;
  index.exists = fs.Exists(path);
  if (!index.exists) return index;
  MR_ASSIGN(const std::string bytes, io::ReadWholeFile(fs, path, kIndexFileMax));
  if (!bytes.starts_with(kIndexMagic)) return index;
  for (size_t at = kIndexMagic.size(); at + kEntryBytes <= bytes.size(); at += kEntryBytes) {
    const auto entry = DecodeEntry(std::string_view(bytes).substr(at, kEntryBytes));
    if (!entry || entry->position > log_bytes) continue;
    if (!index.entries.empty() && entry->position <= index.entries.back().position) continue;
    index.entries.push_back(*entry);
  }
  return index;
}

Segment::Segment(io::FileSystem& fs, std::string folder, Offset base)
    : fs_(fs),
      path_(io::JoinPath(folder, SegmentFileName(base, ".log"))),
      index_path_(io::JoinPath(folder, SegmentFileName(base, ".index"))),
      base_(base) {
  extent_.base = extent_.end = base;
}

Result<std::shared_ptr<Segment>> Segment::Create(io::FileSystem& fs, const std::string& folder,
                                                 Offset base) {
  std::shared_ptr<Segment> segment(new Segment(fs, folder, base));
  if (auto made = segment->MakeFiles(); !made) {
    // An empty file that stayed would look like the newest segment to the next start.
    if (fs.Exists(segment->path_)) MR_TRY(fs.RemoveFile(segment->path_));
    return std::unexpected(std::move(made).error());
  }
  segment->entries_complete_ = true;
  return segment;
}

Status Segment::MakeFiles() {
  MR_ASSIGN(writer_, fs_.OpenForWrite(path_, io::OpenMode::kTruncate));
  MR_ASSIGN(index_writer_, fs_.OpenForWrite(index_path_, io::OpenMode::kTruncate));
  MR_TRY(index_writer_->Append(kIndexMagic));
  MR_ASSIGN(reader_, fs_.OpenForRead(path_));
  return {};
}

Result<std::shared_ptr<Segment>> Segment::Open(io::FileSystem& fs, const std::string& folder,
                                               const Extent& extent, bool writable) {
  std::shared_ptr<Segment> segment(new Segment(fs, folder, extent.base));
  segment->extent_ = extent;
  MR_ASSIGN(segment->reader_, fs.OpenForRead(segment->path_));
  if (!writable) return segment;
  MR_ASSIGN(segment->writer_, fs.OpenForWrite(segment->path_, io::OpenMode::kAppend));
  // The index of a segment that grows again starts anew: what a torn tail left in it would be
  // taken as proof one day.
  MR_TRY(segment->RebuildIndex());
  return segment;
}

Segment::Extent Segment::extent() const {
  std::lock_guard lock(mutex_);
  return extent_;
}

Status Segment::Append(std::string_view bytes, Offset end, TimestampMs newest) {
  if (broken_)
    return Fail(ErrorCode::kIo, "{}: an earlier write failed and could not be undone", path_);
  const Extent before = extent();
  if (auto status = writer_->Append(bytes); !status) {
    if (auto undone = writer_->Truncate(before.bytes); !undone) broken_ = true;
    return status;
  }
  std::lock_guard lock(mutex_);
  if (entries_.empty() || before.bytes - entries_.back().position >= kEntrySpacing)
    entries_.push_back({before.end, before.bytes, before.max_timestamp});
  extent_.bytes += bytes.size();
  extent_.end = end;
  extent_.first_timestamp = std::min(extent_.first_timestamp, newest);
  extent_.max_timestamp = std::max(extent_.max_timestamp, newest);
  return {};
}

Status Segment::Sync() { return writer_->Sync(); }

void Segment::NoteSynced(const IndexEntry& entry) {
  // A failed index write costs time at the next start, nothing else.
  if (index_writer_ == nullptr) return;
  if (auto status = index_writer_->Append(EncodeEntry(entry)); !status) {
    logging::Warning("log.index_not_written",
                     {{"file", index_path_}, {"error", status.error().ToString()}});
    index_writer_.reset();
  }
}

void Segment::Close() {
  writer_.reset();
  index_writer_.reset();
}

Status Segment::LoadEntries() {
  {
    std::lock_guard lock(mutex_);
    if (entries_complete_) return {};
  }
  const Extent now = extent();
  MR_ASSIGN(LoadedIndex index, LoadIndex(fs_, index_path_, now.bytes));
  const uint64_t reached = index.entries.empty() ? 0 : index.entries.back().position;
  if (now.bytes - reached > 64 * kEntrySpacing) return RebuildIndex();
  std::vector<IndexEntry> kept;
  for (const IndexEntry& entry : index.entries) {
    if (!kept.empty() && entry.position - kept.back().position < kEntrySpacing) continue;
    MR_ASSIGN(const bool fits, Fits(entry, now));
    if (!fits) return RebuildIndex();
    kept.push_back(entry);
  }
  std::lock_guard lock(mutex_);
  entries_ = std::move(kept);
  entries_complete_ = true;
  return {};
}

Result<bool> Segment::Fits(const IndexEntry& entry, const Extent& extent) const {
  if (entry.position == extent.bytes) return entry.offset == extent.end;
  char raw[kBatchHeaderBytes];
  MR_ASSIGN(const size_t read, reader_->ReadAt(entry.position, sizeof(raw), raw));
  const auto header = ParseBatchHeader(std::string_view(raw, read), size_t{1} << 31);
  return header.has_value() && header->base_offset >= entry.offset &&
         header->end_offset() <= extent.end;
}

Status Segment::RebuildIndex() {
  const Extent now = extent();
  std::vector<IndexEntry> entries;
  TimestampMs newest{INT64_MIN};
  MR_TRY(
      WalkHeaders(*reader_, path_, 0, now.bytes, [&](const BatchHeader& header, uint64_t position) {
        if (entries.empty() || position - entries.back().position >= kEntrySpacing)
          entries.push_back({header.base_offset, position, newest});
        newest = std::max(newest, TimestampMs(header.max_timestamp));
      }));
  std::string bytes(kIndexMagic);
  for (const IndexEntry& entry : entries) bytes += EncodeEntry(entry);
  if (now.bytes > 0) bytes += EncodeEntry({now.end, now.bytes, newest});
  auto writer = fs_.OpenForWrite(index_path_, io::OpenMode::kTruncate);
  if (!writer) return std::unexpected(writer.error());
  MR_TRY((*writer)->Append(bytes));
  if (writer_ != nullptr) index_writer_ = std::move(*writer);
  std::lock_guard lock(mutex_);
  entries_ = std::move(entries);
  entries_complete_ = true;
  return {};
}

Result<uint64_t> Segment::PositionFor(Offset offset) {
  MR_TRY(LoadEntries());
  std::lock_guard lock(mutex_);
  const auto behind = std::ranges::upper_bound(entries_, offset, {}, &IndexEntry::offset);
  return behind == entries_.begin() ? uint64_t{0} : std::prev(behind)->position;
}

Result<uint64_t> Segment::PositionForTime(TimestampMs at) {
  MR_TRY(LoadEntries());
  std::lock_guard lock(mutex_);
  // max_timestamp never falls, so the first entry that has seen `at` lies behind the record.
  const auto behind = std::ranges::lower_bound(entries_, at, {}, &IndexEntry::max_timestamp);
  return behind == entries_.begin() ? uint64_t{0} : std::prev(behind)->position;
}

}  // namespace millrace::log
