// SimFileSystem: a FileSystem in memory whose power can be cut, for tests. It keeps what was
// written apart from what was synced, for bytes and for names, and so shows what a machine shows
// after its plug was pulled.
//
//   SimFileSystem fs(/*seed=*/7);
//   fs.CutPowerAt(12);          // the 12th counted operation happens in part, then all calls fail
//   RunWorkload(fs);            // sees kIo errors from there on
//   fs.Restart();               // loses unsynced bytes and names as the seed says
//   CheckRecovery(fs);
//
// Counted operations are those that change the disk: see Op. Enumerate crash points by running the
// workload once, then once with CutPowerAt(k) for each k in 1..operations().
//
// Invariants
//   1. Bytes covered by a WritableFile::Sync and names covered by a SyncFolder survive Restart.
//   2. Everything else survives wholly, partly (torn, or a later write without an earlier one, the
//      gap reading as zeros) or not at all; the seed decides. A rename within one folder is atomic.
//   3. Handles and locks taken before Restart are dead: their calls fail with kIo.
//
// Thread contract: every function from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/clock.h"
#include "io/file_system.h"

namespace millrace::io {

class SimFileSystem final : public FileSystem {
 public:
  enum class Op {
    kCreate,  // of a name for a new file; opening an existing one is not counted
    kAppend,
    kTruncate,
    kSync,
    kRename,
    kLink,
    kRemove,
    kMakeFolder,
    kSyncFolder,
  };
  struct Operation {
    Op op;
    std::string path;
    SyncSite site{};  // of kSync and kSyncFolder: who asked for it
  };
  enum class Loss {
    kBySeed,      // each unsynced change is kept, torn or dropped
    kEverything,  // every unsynced change is dropped
    kNothing,     // as after kill -9: the kernel lives on
    kForgotten,   // what an ignored sync (IgnoreSyncs) should have kept, and nothing else
  };

  explicit SimFileSystem(uint64_t seed = 1);
  ~SimFileSystem() override;

  // Counted operations since the start or the last Restart; the first has number 1.
  uint64_t operations() const;
  std::vector<Operation> History() const;

  // Cuts the power during operation `number` (0: never). The operation fails, its effect is partly
  // kept as by Loss::kBySeed; after it everything fails with kIo until Restart.
  void CutPowerAt(uint64_t number);
  void CutPower();
  bool power_is_off() const;
  // Forgets what a power cut loses, clears all faults, starts counting anew.
  void Restart(Loss loss = Loss::kBySeed);

  // Operation `number` fails with `code` and does nothing (0: never).
  void FailAt(uint64_t number, ErrorCode code = ErrorCode::kIo);
  // The first append from operation `number` on writes only half its bytes, then fails with
  // kResourceExhausted (0: never).
  void ShortenWriteAt(uint64_t number);
  // Syncs for which `ignored` holds report success and do nothing: what a forgotten fsync does.
  void IgnoreSyncs(std::function<bool(const Operation&)> ignored);
  // Appends that would take the files above `bytes` write what fits and fail with
  // kResourceExhausted.
  void SetDiskBytes(uint64_t bytes);
  uint64_t used_bytes() const;
  // Writes in place, as databases do that FileSystem does not serve; counted as kAppend. A gap
  // before `offset` reads as zeros.
  Status WriteAt(const std::string& path, uint64_t offset, std::string_view bytes);
  // Flips one bit of a file, synced or not.
  Status FlipBit(const std::string& path, uint64_t byte, int bit);

  Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                     OpenMode mode) override;
  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Link(const std::string& from, const std::string& to) override;
  Status RemoveFile(const std::string& path) override;
  Status RemoveFolder(const std::string& path) override;
  Status CreateFolders(const std::string& path) override;
  Status SyncFolder(const std::string& path, SyncSite site = SyncSite::current()) override;
  Result<std::vector<FolderEntry>> List(const std::string& path) override;
  bool Exists(const std::string& path) override;
  Result<uint64_t> FileSize(const std::string& path) override;
  Result<int64_t> ModifiedUs(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;

 private:
  struct Node;
  class Writer;
  class Reader;
  class Held;
  using NodePtr = std::shared_ptr<Node>;
  struct Place {  // a name within a folder
    NodePtr folder;
    std::string name;
  };
  enum class Verdict { kGo, kPowerGoes };

  Status CheckPower() const;
  // Counts an operation; fails when the plan says so. kPowerGoes: do it, then call CutNow.
  Result<Verdict> Count(Op op, const std::string& path, SyncSite site = {});
  std::unexpected<Error> CutNow(const std::string& path);
  NodePtr Find(const std::string& path) const;
  Result<Place> FindPlace(const std::string& path) const;
  Result<NodePtr> FindFile(const std::string& path) const;
  void SetEntry(const Place& at, NodePtr node, const std::string& erased);
  Status WriteTo(Node& node, const std::string& path, uint64_t offset, std::string_view bytes);
  Status TruncateTo(Node& node, const std::string& path, uint64_t size);
  Status SyncNode(Node& node, const std::string& path, Op op, SyncSite site);
  uint64_t UsedBytes(const Node& node, std::set<const Node*>& seen) const;
  void LoseUnsynced(Node& node, Loss loss, std::set<Node*>& seen);
  void LoseBytes(Node& file, Loss loss);
  void LoseNames(Node& folder, Loss loss);

  mutable std::mutex mutex_;
  NodePtr root_;
  SeededRandom random_;
  uint64_t life_ = 1;  // raised by Restart: older handles are dead
  bool power_is_off_ = false;
  std::vector<Operation> history_;
  uint64_t cut_at_ = 0;
  uint64_t fail_at_ = 0;
  ErrorCode fail_code_ = ErrorCode::kIo;
  uint64_t shorten_at_ = 0;
  uint64_t disk_bytes_ = UINT64_MAX;
  uint64_t used_bytes_ = 0;
  int64_t modified_us_ = 1;  // a tick per change
  std::function<bool(const Operation&)> ignored_;
  std::set<std::string> locks_;
};

}  // namespace millrace::io
