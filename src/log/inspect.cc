#include "log/inspect.h"

#include <algorithm>

#include "log/partition_checkpoint.h"
#include "log/segment_scan.h"
#include "log/topic_catalog.h"

namespace millrace::log {
namespace {

class Inspector {
 public:
  Inspector(io::FileSystem& fs, const std::function<void(const BatchSummary&)>& visit,
            const DecodeLimits& limits)
      : fs_(fs), visit_(visit), limits_(limits) {}

  Status Folder(const std::string& path) {
    MR_ASSIGN(const auto entries, fs_.List(path));
    for (const io::FolderEntry& entry : entries) {
      const std::string child = io::JoinPath(path, entry.name);
      if (entry.is_folder) {
        MR_TRY(Folder(child));
      } else {
        MR_TRY(File(child));
      }
    }
    return {};
  }

  Status File(const std::string& path) {
    const std::string name = io::FileNameOf(path);
    if (const auto base = ParseSegmentFileName(name, ".log")) return SegmentFile(path, *base);
    if (name == kCheckpointFile)
      return Framed(path, [](std::string_view bytes) -> Status {
        MR_TRY(PartitionCheckpoint::Decode(bytes));
        return {};
      });
    if (name == kCatalogFile)
      return Framed(path, [](std::string_view bytes) -> Status {
        MR_TRY(TopicCatalog::Decode(bytes));
        return {};
      });
    return {};
  }

  InspectReport Take() { return std::move(report_); }

 private:
  template <typename Decode>
  Status Framed(const std::string& path, Decode decode) {
    MR_ASSIGN(const std::string bytes, io::ReadWholeFile(fs_, path));
    ++report_.files;
    report_.bytes += bytes.size();
    if (const Status decoded = decode(bytes); !decoded)
      report_.findings.push_back({path, 0, decoded.error().message, false});
    return {};
  }

  // What the files beside a segment prove of it.
  struct Proof {
    uint64_t durable_bytes = 0;  // once on stable storage: what does not verify before it is damage
    bool has_index = false;
    bool compacted = false;  // by key, or nobody knows: the log's catalog is not there
    std::optional<PartitionCheckpoint> checkpoint;
    // Whether offsets [from, to) may be absent: compacted away, or given up before.
    bool MayBeMissing(Offset from, Offset to) const {
      if (compacted) return true;
      if (!checkpoint) return false;
      return to <= checkpoint->cleaned ||
             std::ranges::any_of(checkpoint->lost, [&](const LostRange& lost) {
               return lost.begin <= from && to <= lost.end;
             });
    }
  };

  Result<bool> IsCompacted(const std::string& topic_folder) {
    const std::string path = io::JoinPath(io::FolderOf(topic_folder), kCatalogFile);
    if (!fs_.Exists(path)) return true;
    MR_ASSIGN(const std::string bytes, io::ReadWholeFile(fs_, path));
    const auto catalog = TopicCatalog::Decode(bytes);
    if (!catalog) return true;  // a finding of its own
    const auto topic = catalog->topics.find(io::FileNameOf(topic_folder));
    return topic == catalog->topics.end() || topic->second.spec.cleanup == Cleanup::kCompact;
  }

  Result<Proof> ProofFor(const std::string& path, Offset base) {
    const std::string folder = io::FolderOf(path);
    Proof proof;
    MR_ASSIGN(proof.compacted, IsCompacted(io::FolderOf(folder)));
    const std::string checkpoint_path = io::JoinPath(folder, kCheckpointFile);
    if (fs_.Exists(checkpoint_path)) {
      MR_ASSIGN(const std::string bytes, io::ReadWholeFile(fs_, checkpoint_path));
      // One that is damaged is a finding of its own, and proves nothing.
      if (auto decoded = PartitionCheckpoint::Decode(bytes)) proof.checkpoint = std::move(*decoded);
    }
    MR_ASSIGN(const LoadedIndex index,
              LoadIndex(fs_, io::JoinPath(folder, SegmentFileName(base, ".index")), UINT64_MAX));
    proof.has_index = index.exists;
    if (!index.entries.empty()) proof.durable_bytes = index.entries.back().position;
    if (proof.checkpoint && proof.checkpoint->active == base)
      proof.durable_bytes = std::max(proof.durable_bytes, proof.checkpoint->recovery_position);
    MR_ASSIGN(const auto entries, fs_.List(folder));
    for (const io::FolderEntry& entry : entries) {
      const auto other = ParseSegmentFileName(entry.name, ".log");
      if (other && *other > base) proof.durable_bytes = UINT64_MAX;
    }
    return proof;
  }

  Status SegmentFile(const std::string& path, Offset base) {
    MR_ASSIGN(const auto file, fs_.OpenForRead(path));
    MR_ASSIGN(const uint64_t size, file->Size());
    MR_ASSIGN(const Proof proof, ProofFor(path, base));
    ++report_.files;
    report_.bytes += size;
    BatchWalker walker(*file, 0, size, limits_.batch_bytes_max);
    Offset next = base;
    bool behind_damage = false;  // how many offsets are missing there, nobody knows
    while (!walker.AtEnd()) {
      std::string_view bytes;
      const auto header = walker.Batch(bytes);
      const uint64_t at = walker.position();
      if (header) {
        const bool gap_allowed = behind_damage || proof.MayBeMissing(next, header->base_offset);
        const bool in_place =
            header->base_offset == next || (header->base_offset > next && gap_allowed);
        if (!in_place) {
          report_.findings.push_back(
              {path, at,
               fmt::format("record batch at offset {}, but {} is next", header->base_offset, next),
               false});
        }
        OneBatch(path, at, *header, bytes);
        // Of two offsets that do not go together either may be the wrong one.
        next = in_place ? header->end_offset() : next;
        behind_damage = !in_place;
        walker.Skip(*header);
        continue;
      }
      if (header.error().code != ErrorCode::kDamaged) return std::unexpected(header.error());
      MR_ASSIGN(const bool more, walker.SeekValid(Offset(0)));
      const bool torn_tail = at >= proof.durable_bytes && (!more || proof.has_index);
      report_.findings.push_back({path, at, header.error().message, torn_tail});
      if (!more) return {};
      behind_damage = true;
    }
    return {};
  }

  void OneBatch(const std::string& path, uint64_t position, const BatchHeader& header,
                std::string_view bytes) {
    BatchSummary summary{path, position, header, std::nullopt};
    flow::RecordBlock block;
    Status decoded =
        DecodeVerifiedBatch(header, bytes, nullptr, limits_, Offset(0), Offset(INT64_MAX), block);
    if (header.control()) {
      const auto marker = MarkerDecision(header, bytes, limits_);
      if (marker) summary.marker = *marker;
      if (!marker) decoded = std::unexpected(marker.error());
    }
    if (!decoded) report_.findings.push_back({path, position, decoded.error().message, false});
    ++report_.batches;
    report_.records += static_cast<uint64_t>(header.record_count);
    if (visit_) visit_(summary);
  }

  io::FileSystem& fs_;
  const std::function<void(const BatchSummary&)>& visit_;
  const DecodeLimits limits_;
  InspectReport report_;
};

}  // namespace

bool InspectReport::ok() const { return std::ranges::all_of(findings, &Finding::torn_tail); }

Result<InspectReport> Inspect(io::FileSystem& fs, const std::string& path,
                              const std::function<void(const BatchSummary&)>& visit,
                              const DecodeLimits& limits) {
  Inspector inspector(fs, visit, limits);
  if (ParseSegmentFileName(io::FileNameOf(path), ".log")) {
    MR_TRY(inspector.File(path));
  } else {
    MR_TRY(inspector.Folder(path));
  }
  return inspector.Take();
}

}  // namespace millrace::log
