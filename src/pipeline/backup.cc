#include "pipeline/backup.h"

#include <algorithm>

#include "log/inspect.h"

namespace millrace::pipeline {
namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;

Status CopyFile(io::FileSystem& fs, const std::string& from, const std::string& to,
                BackupReport& report) {
  MR_ASSIGN(const auto in, fs.OpenForRead(from));
  MR_ASSIGN(const auto out, fs.OpenForWrite(to, io::OpenMode::kCreateNew));
  std::string buffer(kCopyBytes, '\0');
  for (uint64_t at = 0;;) {
    MR_ASSIGN(const size_t read, in->ReadAt(at, buffer.size(), buffer.data()));
    if (read == 0) break;
    MR_TRY(out->Append(std::string_view(buffer).substr(0, read)));
    at += read;
    report.bytes += read;
  }
  ++report.files;
  return out->Sync();
}

// Depth first; every folder is synced after its files.
Status CopyTree(io::FileSystem& fs, const std::string& from, const std::string& to,
                BackupReport& report) {
  MR_TRY(fs.CreateFolders(to));
  MR_ASSIGN(const auto entries, fs.List(from));
  for (const io::FolderEntry& entry : entries) {
    const std::string source = io::JoinPath(from, entry.name);
    const std::string target = io::JoinPath(to, entry.name);
    MR_TRY(entry.is_folder ? CopyTree(fs, source, target, report)
                           : CopyFile(fs, source, target, report));
  }
  return fs.SyncFolder(to);
}

Status CountTree(io::FileSystem& fs, const std::string& path, BackupReport& report) {
  MR_ASSIGN(const auto entries, fs.List(path));
  for (const io::FolderEntry& entry : entries) {
    if (entry.is_folder) {
      MR_TRY(CountTree(fs, io::JoinPath(path, entry.name), report));
      continue;
    }
    ++report.files;
    report.bytes += entry.size;
  }
  return {};
}

Status RefuseExisting(io::FileSystem& fs, const std::string& path) {
  if (!fs.Exists(path)) return {};
  return std::unexpected(Error{ErrorCode::kAlreadyExists, fmt::format("{} exists", path),
                               "name a folder that does not exist yet"});
}

std::unexpected<Error> Damaged(std::string what) {
  return std::unexpected(
      Error{ErrorCode::kDamaged, std::move(what),
            "restore another backup; millrace inspect shows what of this one's log is whole"});
}

// Every checksum of the log.
Status VerifyLog(io::FileSystem& fs, const std::string& folder) {
  MR_ASSIGN(const log::InspectReport report, log::Inspect(fs, folder));
  if (report.ok()) return {};
  const auto damage = std::ranges::find(report.findings, false, &log::Finding::torn_tail);
  return Damaged(fmt::format("{} at byte {}: {}", damage->file, damage->position, damage->message));
}

// Every checksum of the tables and of the query state.
Status VerifyTables(io::FileSystem& fs, const std::string& folder) {
  store::StoreOptions options;
  options.folder = folder;
  options.file_system = &fs;
  options.fatal = [](const Error&) {};  // nothing is written; what is wrong is returned
  auto store = store::Store::Open(std::move(options));
  if (!store) return Damaged(store.error().message);
  if (const Status whole = (*store)->VerifyChecksums(); !whole)
    return Damaged(whole.error().message);
  return {};
}

// Opening checks the whole database.
Status VerifyRuns(const std::string& file) {
  const auto database = meta::SqliteDatabase::Open(file, {});
  return database ? Status() : Damaged(database.error().message);
}

Status VerifyDataFolder(io::FileSystem& fs, const std::string& folder) {
  MR_TRY(VerifyLog(fs, io::JoinPath(folder, "log")));
  MR_TRY(VerifyTables(fs, io::JoinPath(folder, "store")));
  return VerifyRuns(io::JoinPath(folder, "meta/millrace.db"));
}

}  // namespace

Result<BackupReport> MakeBackup(Workspace& workspace, const std::string& target) {
  io::FileSystem& fs = workspace.fs();
  MR_TRY(RefuseExisting(fs, target));
  const std::string partial = target + ".partial";
  MR_TRY(io::RemoveTree(fs, partial));
  MR_TRY(io::CreateFoldersDurably(fs, io::FolderOf(target)));
  MR_TRY(fs.CreateFolders(partial));
  MR_TRY(fs.CreateFolders(io::JoinPath(partial, "meta")));
  MR_TRY(workspace.database().BackupTo(io::JoinPath(partial, "meta/millrace.db")));
  MR_TRY(workspace.store().Flush());
  MR_TRY(workspace.store().Checkpoint(io::JoinPath(partial, "store")));
  MR_TRY(workspace.log().Checkpoint(io::JoinPath(partial, "log")));
  BackupReport copied;
  if (fs.Exists(workspace.PathOf("refs"))) {
    MR_TRY(CopyTree(fs, workspace.PathOf("refs"), io::JoinPath(partial, "refs"), copied));
  }
  for (const char* name : {"FORMAT", "TABLES"})
    MR_TRY(CopyFile(fs, workspace.PathOf(name), io::JoinPath(partial, name), copied));
  MR_TRY(fs.SyncFolder(partial));
  MR_TRY(fs.Rename(partial, target));
  MR_TRY(fs.SyncFolder(io::FolderOf(target)));
  BackupReport report;
  MR_TRY(CountTree(fs, target, report));
  return report;
}

Result<BackupReport> RestoreBackup(io::FileSystem& fs, const std::string& source,
                                   const std::string& target) {
  MR_TRY(RefuseExisting(fs, target));
  if (!fs.Exists(io::JoinPath(source, "FORMAT"))) {
    return Fail(ErrorCode::kInvalidArgument, "{} is no backup: it has no FORMAT file", source);
  }
  const std::string partial = target + ".partial";
  MR_TRY(io::RemoveTree(fs, partial));
  MR_TRY(io::CreateFoldersDurably(fs, io::FolderOf(target)));
  BackupReport report;
  MR_TRY(CopyTree(fs, source, partial, report));
  // The copy is what will be worked on; the backup stays as it is.
  if (Status whole = VerifyDataFolder(fs, partial); !whole) {
    MR_TRY(io::RemoveTree(fs, partial));
    return std::unexpected(std::move(whole.error()));
  }
  MR_TRY(fs.Rename(partial, target));
  MR_TRY(fs.SyncFolder(io::FolderOf(target)));
  return report;
}

}  // namespace millrace::pipeline
