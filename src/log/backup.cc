#include "log/backup.h"

#include <algorithm>

namespace millrace::log {
namespace {

constexpr size_t kCopyPiece = 1 << 20;

Status CopyBytes(io::FileSystem& fs, const std::string& from, const std::string& to,
                 uint64_t bytes) {
  MR_ASSIGN(const auto source, fs.OpenForRead(from));
  MR_ASSIGN(const auto target, fs.OpenForWrite(to, io::OpenMode::kCreateNew));
  std::string piece;
  for (uint64_t at = 0; at < bytes; at += piece.size()) {
    piece.resize(std::min<uint64_t>(kCopyPiece, bytes - at));
    MR_ASSIGN(const size_t read, source->ReadAt(at, piece.size(), piece.data()));
    if (read != piece.size())
      return Fail(ErrorCode::kIo, "{} ends at byte {}, {} were expected", from, at + read, bytes);
    MR_TRY(target->Append(piece));
  }
  return target->Sync();
}

Status CopyPartition(io::FileSystem& fs, const Partition::CopyPlan& plan,
                     const std::string& folder) {
  MR_TRY(fs.CreateFolders(folder));
  for (const std::string& path : plan.whole) {
    const std::string to = io::JoinPath(folder, io::FileNameOf(path));
    if (fs.Link(path, to)) continue;
    MR_ASSIGN(const uint64_t size, fs.FileSize(path));
    MR_TRY(CopyBytes(fs, path, to, size));
  }
  if (!plan.active.empty()) {
    MR_TRY(CopyBytes(fs, plan.active, io::JoinPath(folder, io::FileNameOf(plan.active)),
                     plan.active_bytes));
  }
  // It syncs the folder, and so the names of the segments.
  return io::WriteFileAtomically(fs, io::JoinPath(folder, kCheckpointFile), plan.checkpoint);
}

struct Cut {
  TopicCatalog catalog;
  std::map<TopicPartition, Partition::CopyPlan> plans;
};

Result<Cut> MakeCut(LogCore& core, TransactionCoordinator& coordinator) {
  const auto no_commits = coordinator.HoldCommits();
  Cut cut;
  cut.catalog = core.catalog();
  cut.catalog.topics.clear();
  cut.catalog.deleting.clear();
  for (const auto& topic : core.Topics()) {
    cut.catalog.topics[topic->info.spec.name] = topic->info;
    for (const auto& partition : topic->partitions) {
      MR_ASSIGN(cut.plans[partition->at()], partition->PlanCopy());
    }
  }
  return cut;
}

Status CopyTopics(LogCore& core, TransactionCoordinator& coordinator, const std::string& target) {
  io::FileSystem& fs = core.fs();
  MR_ASSIGN(const Cut cut, MakeCut(core, coordinator));
  for (const auto& [at, plan] : cut.plans) {
    const std::string folder = io::JoinPath(target, at.topic);
    MR_TRY(CopyPartition(fs, plan, io::JoinPath(folder, std::to_string(at.partition.value))));
    MR_TRY(fs.SyncFolder(folder));
  }
  return io::WriteFileAtomically(fs, io::JoinPath(target, kCatalogFile), cut.catalog.Encode());
}

}  // namespace

Status CopyLog(LogCore& core, TransactionCoordinator& coordinator, const std::string& target) {
  if (core.fs().Exists(target))
    return Fail(ErrorCode::kAlreadyExists, "{} exists; a copy needs a new folder", target);
  MR_TRY(core.fs().CreateFolders(target));
  if (auto copied = CopyTopics(core, coordinator, target); !copied) {
    static_cast<void>(io::RemoveTree(core.fs(), target));
    return copied;
  }
  return core.fs().SyncFolder(io::FolderOf(target));
}

}  // namespace millrace::log
