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
    if (ParseSegmentFileName(name, ".log")) return SegmentFile(path);
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

  Status SegmentFile(const std::string& path) {
    MR_ASSIGN(const auto file, fs_.OpenForRead(path));
    MR_ASSIGN(const uint64_t size, file->Size());
    ++report_.files;
    report_.bytes += size;
    BatchWalker walker(*file, 0, size, limits_.batch_bytes_max);
    Offset next(0);
    while (!walker.AtEnd()) {
      std::string_view bytes;
      const auto header = walker.Batch(bytes);
      const uint64_t at = walker.position();
      if (header && header->base_offset >= next) {
        OneBatch(path, at, *header, bytes);
        next = header->end_offset();
        walker.Skip(*header);
        continue;
      }
      if (!header && header.error().code != ErrorCode::kDamaged)
        return std::unexpected(header.error());
      const std::string why = header ? fmt::format("record batch at offset {}, but {} is next",
                                                   header->base_offset, next)
                                     : header.error().message;
      MR_ASSIGN(const bool more, walker.SeekValid(next));
      report_.findings.push_back({path, at, why, !more});
      if (!more) return {};
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
