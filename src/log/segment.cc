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
  MR_TRY(segment->CompleteIndex());
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

Status Segment::Sync(io::SyncSite site) { return writer_->Sync(site); }

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
  return CompleteIndex();
}

Result<bool> Segment::Fits(const IndexEntry& entry, const Extent& extent) const {
  if (entry.position == extent.bytes) return entry.offset == extent.end;
  char raw[kBatchHeaderBytes];
  MR_ASSIGN(const size_t read, reader_->ReadAt(entry.position, sizeof(raw), raw));
  const auto header = ParseBatchHeader(std::string_view(raw, read), size_t{1} << 31);
  return header.has_value() && header->base_offset >= entry.offset &&
         header->end_offset() <= extent.end;
}

// The entries of the index file as far as they fit the segment.
Result<std::vector<IndexEntry>> Segment::KnownEntries(const Extent& now) const {
  MR_ASSIGN(const LoadedIndex index, LoadIndex(fs_, index_path_, now.bytes));
  std::vector<IndexEntry> known;
  for (const IndexEntry& entry : index.entries) {
    if (!known.empty() && entry.position - known.back().position < kEntrySpacing) continue;
    MR_ASSIGN(const bool fits, Fits(entry, now));
    if (!fits) return std::vector<IndexEntry>();
    known.push_back(entry);
  }
  return known;
}

Status Segment::CompleteIndex() {
  const Extent now = extent();
  MR_ASSIGN(std::vector<IndexEntry> entries, KnownEntries(now));
  const uint64_t from = entries.empty() ? 0 : entries.back().position;
  if (writer_ == nullptr && now.bytes - from <= kEntrySpacing * 4) {
    std::lock_guard lock(mutex_);
    entries_ = std::move(entries);
    entries_complete_ = true;
    return {};
  }
  TimestampMs newest = entries.empty() ? TimestampMs(INT64_MIN) : entries.back().max_timestamp;
  MR_TRY(WalkHeaders(*reader_, path_, from, now.bytes,
                     [&](const BatchHeader& header, uint64_t position) {
                       if (entries.empty() || position - entries.back().position >= kEntrySpacing)
                         entries.push_back({header.base_offset, position, newest});
                       newest = std::max(newest, TimestampMs(header.max_timestamp));
                     }));
  std::string bytes(kIndexMagic);
  for (const IndexEntry& entry : entries) bytes += EncodeEntry(entry);
  if (now.bytes > 0) bytes += EncodeEntry({now.end, now.bytes, newest});
  MR_TRY(WriteIndex(bytes));
  std::lock_guard lock(mutex_);
  entries_ = std::move(entries);
  entries_complete_ = true;
  return {};
}

// Without an index file everything works, and the next start takes longer: a disk that is full must
// not keep a partition closed. Half a file would prove less than none, so it goes.
Status Segment::WriteIndex(std::string_view bytes) {
  auto writer = fs_.OpenForWrite(index_path_, io::OpenMode::kTruncate);
  Status written = writer ? (*writer)->Append(bytes) : std::unexpected(writer.error());
  if (written) {
    if (writer_ != nullptr) index_writer_ = std::move(*writer);
    return {};
  }
  logging::Warning("log.index_not_written",
                   {{"file", index_path_}, {"error", written.error().ToString()}});
  return fs_.Exists(index_path_) ? fs_.RemoveFile(index_path_) : Status();
}

Result<IndexEntry> Segment::PositionFor(Offset offset) {
  MR_TRY(LoadEntries());
  std::lock_guard lock(mutex_);
  const auto behind = std::ranges::upper_bound(entries_, offset, {}, &IndexEntry::offset);
  return behind == entries_.begin() ? IndexEntry{base_, 0} : *std::prev(behind);
}

Result<IndexEntry> Segment::PositionForTime(TimestampMs at) {
  MR_TRY(LoadEntries());
  std::lock_guard lock(mutex_);
  // max_timestamp never falls, so the first entry that has seen `at` lies behind the record.
  const auto behind = std::ranges::lower_bound(entries_, at, {}, &IndexEntry::max_timestamp);
  return behind == entries_.begin() ? IndexEntry{base_, 0} : *std::prev(behind);
}

}  // namespace millrace::log
