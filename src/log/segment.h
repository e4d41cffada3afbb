// Segment: one file of consecutive batches of a partition and its sparse index.
//
//   <base offset, 20 digits>.log     record batches, nothing else
//   <base offset, 20 digits>.index   "MRIX", version, then entries of 32 bytes, each with its CRC
//
// An index entry says: before byte `position`, where the batch of `offset` begins (or the file
// ended), everything was on stable storage, and no record there is newer than `max_timestamp`.
// Entries are written after the sync they speak of, so recovery may take them as proof; an index
// that is missing or does not fit its segment is built again from the batches.
//
// Invariants
//   1. Bytes below size() never change; a segment only grows, and only the last one of a partition.
//   2. Positions in the index are batch boundaries.
//
// Thread contract: Append and Close by one thread at a time (the partition's lock); Sync and
// NoteSynced by one other; everything else from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "log/batch_header.h"

namespace millrace::log {

struct IndexEntry {
  Offset offset;
  uint64_t position = 0;
  TimestampMs max_timestamp{INT64_MIN};  // of everything before `position`
};

// "00000000000000001041.log".
std::string SegmentFileName(Offset base, std::string_view extension);
// The base offset of such a name, if it is one.
std::optional<Offset> ParseSegmentFileName(std::string_view name, std::string_view extension);

// The valid entries of an index file, in order; `exists` is false when there is no file. A damaged
// entry is left out: an index only ever saves time, or proves more.
struct LoadedIndex {
  bool exists = false;
  std::vector<IndexEntry> entries;
};
Result<LoadedIndex> LoadIndex(io::FileSystem& fs, const std::string& path, uint64_t log_bytes);

class Segment {
 public:
  // The facts a closed segment is remembered by.
  struct Extent {
    Offset base;
    Offset end;  // behind its last offset
    uint64_t bytes = 0;
    TimestampMs first_timestamp{INT64_MAX};
    TimestampMs max_timestamp{INT64_MIN};
    friend bool operator==(const Extent&, const Extent&) = default;
  };

  // Makes both files (names not yet synced) and opens them for appending.
  static Result<std::shared_ptr<Segment>> Create(io::FileSystem& fs, const std::string& folder,
                                                 Offset base);
  // Opens the files for reading, and for appending when `writable`.
  static Result<std::shared_ptr<Segment>> Open(io::FileSystem& fs, const std::string& folder,
                                               const Extent& extent, bool writable);

  const std::string& path() const { return path_; }
  Offset base() const { return base_; }
  Extent extent() const;
  const io::ReadableFile& file() const { return *reader_; }

  // Writes whole batches that end with offset `end` - 1. After a failure the file is as before;
  // when even that fails the segment refuses all further appends.
  Status Append(std::string_view bytes, Offset end, TimestampMs newest);
  Status Sync(io::SyncSite site = io::SyncSite::current());
  // Sync has returned for everything before `entry`: says so in the index file.
  void NoteSynced(const IndexEntry& entry);
  // No more appends.
  void Close();

  // Where to begin reading for `offset`: the last known batch at or before it.
  Result<IndexEntry> PositionFor(Offset offset);
  // Where to begin looking for the first record at or after `at`.
  Result<IndexEntry> PositionForTime(TimestampMs at);

 private:
  Segment(io::FileSystem& fs, std::string folder, Offset base);
  Status MakeFiles();
  Status LoadEntries();
  // Fills the index in memory from its file and, where that does not reach, from the batches; the
  // file is then written anew. Everything in the segment is on stable storage by then.
  Status CompleteIndex();
  Status WriteIndex(std::string_view bytes);
  Result<std::vector<IndexEntry>> KnownEntries(const Extent& now) const;
  // Does a batch begin where the entry says (a compaction or a lost write may have moved it)?
  Result<bool> Fits(const IndexEntry& entry, const Extent& extent) const;

  io::FileSystem& fs_;
  const std::string path_;
  const std::string index_path_;
  const Offset base_;
  std::unique_ptr<io::ReadableFile> reader_;
  std::unique_ptr<io::WritableFile> writer_;
  std::unique_ptr<io::WritableFile> index_writer_;
  bool broken_ = false;

  mutable std::mutex mutex_;  // guards what follows
  Extent extent_;
  std::vector<IndexEntry> entries_;
  bool entries_complete_ = false;
};

}  // namespace millrace::log
