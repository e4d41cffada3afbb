// SimVfs: SQLite over SimFileSystem, for the tests that cut the power under it. One per life of the
// process: locks and the WAL's index live in its memory, and go with it.
//
//   SimVfs vfs(fs);
//   SqliteDatabase::Open("data/meta.db", {.files = &fs, .vfs = vfs.name()});
//
// It syncs as SQLite's own VFS for unix does: a file it made itself (journal or WAL) has its name
// synced with its first bytes, a removed journal when SQLite says so; the name of a database is
// left to whoever opens it. Like that VFS it says that a torn write harms no byte beside it.
//
// Thread contract: one thread. Databases must go before it.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "io/sim_file_system.h"

namespace millrace::meta {

class SimVfs {
 public:
  explicit SimVfs(io::SimFileSystem& files) : files_(files) {
    vfs_.iVersion = 2;
    vfs_.szOsFile = sizeof(File);
    vfs_.mxPathname = 512;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.xOpen = &SimVfs::Open;
    vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) {
      return Of(vfs).Delete(path, sync != 0);
    };
    vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int, int* answer) {
      *answer = Of(vfs).files_.Exists(path) ? 1 : 0;
      return SQLITE_OK;
    };
    vfs_.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
      sqlite3_snprintf(size, out, "%s", path);
      return SQLITE_OK;
    };
    vfs_.xRandomness = [](sqlite3_vfs*, int size, char* out) {
      for (int i = 0; i < size; ++i) out[i] = static_cast<char>(i * 37 + 11);
      return size;
    };
    vfs_.xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };
    vfs_.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* now) {
      *now = 212'000'000'000'000;
      return SQLITE_OK;
    };
    vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~SimVfs() { sqlite3_vfs_unregister(&vfs_); }
  SimVfs(const SimVfs&) = delete;
  SimVfs& operator=(const SimVfs&) = delete;

  const std::string& name() const { return name_; }

 private:
  static constexpr int kShmLocks = SQLITE_SHM_NLOCK;

  struct File;

  // What the connections of one database share.
  struct Shared {
    std::map<const File*, int> levels;  // SQLITE_LOCK_*
    std::vector<std::unique_ptr<std::vector<char>>> regions;
    std::array<std::map<const File*, bool>, kShmLocks> shm;  // true: exclusive
  };

  struct File : sqlite3_file {
    SimVfs* owner;
    std::string path;
    std::unique_ptr<io::WritableFile> writer;  // absent when read-only
    std::unique_ptr<io::ReadableFile> reader;
    Shared* shared;
    bool name_unsynced;
    bool temporary;
  };

  static SimVfs& Of(sqlite3_vfs* vfs) { return *static_cast<SimVfs*>(vfs->pAppData); }
  static File& AsFile(sqlite3_file* file) { return *static_cast<File*>(file); }

  static int CodeOf(const Status& status, int otherwise) {
    if (status) return SQLITE_OK;
    return status.error().code == ErrorCode::kResourceExhausted ? SQLITE_FULL : otherwise;
  }

  static int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* raw, int flags,
                  int* out_flags) {
    SimVfs& self = Of(vfs);
    auto* file = new (raw) File();
    file->pMethods = nullptr;
    file->owner = &self;
    file->temporary = path == nullptr;
    file->path = path != nullptr ? path : "temporary-" + std::to_string(++self.temporaries_);
    const bool existed = self.files_.Exists(file->path);
    const bool makes = (flags & SQLITE_OPEN_CREATE) != 0;
    int code = existed || makes ? SQLITE_OK : SQLITE_CANTOPEN;
    if (code == SQLITE_OK && (makes || (flags & SQLITE_OPEN_READWRITE) != 0)) {
      auto opened = self.files_.OpenForWrite(file->path, io::OpenMode::kCreateOrAppend);
      if (opened) file->writer = std::move(*opened);
      if (!opened) code = SQLITE_CANTOPEN;
    }
    if (code == SQLITE_OK) {
      auto opened = self.files_.OpenForRead(file->path);
      if (opened) file->reader = std::move(*opened);
      if (!opened) code = SQLITE_CANTOPEN;
    }
    if (code != SQLITE_OK) {
      file->~File();
      return code;
    }
    constexpr int kJournals =
        SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    file->name_unsynced = makes && !existed && (flags & kJournals) != 0;
    file->shared = &self.shared_[file->path];
    file->pMethods = &Methods();
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  int Delete(const std::string& path, bool sync) {
    if (!files_.Exists(path)) return SQLITE_IOERR_DELETE_NOENT;
    if (!files_.RemoveFile(path)) return SQLITE_IOERR_DELETE;
    if (!sync) return SQLITE_OK;
    return CodeOf(files_.SyncFolder(io::FolderOf(path)), SQLITE_IOERR_DIR_FSYNC);
  }

  static int Close(sqlite3_file* raw) {
    File& file = AsFile(raw);
    file.shared->levels.erase(&file);
    for (auto& lock : file.shared->shm) lock.erase(&file);
    if (file.temporary) static_cast<void>(file.owner->files_.RemoveFile(file.path));
    file.~File();
    return SQLITE_OK;
  }

  static int Read(sqlite3_file* raw, void* to, int size, sqlite3_int64 offset) {
    auto* bytes = static_cast<char*>(to);
    const auto read =
        AsFile(raw).reader->ReadAt(static_cast<uint64_t>(offset), static_cast<size_t>(size), bytes);
    if (!read) return SQLITE_IOERR_READ;
    if (*read == static_cast<size_t>(size)) return SQLITE_OK;
    std::memset(bytes + *read, 0, static_cast<size_t>(size) - *read);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int Write(sqlite3_file* raw, const void* from, int size, sqlite3_int64 offset) {
    File& file = AsFile(raw);
    const std::string_view bytes(static_cast<const char*>(from), static_cast<size_t>(size));
    return CodeOf(file.owner->files_.WriteAt(file.path, static_cast<uint64_t>(offset), bytes),
                  SQLITE_IOERR_WRITE);
  }

  static int Sync(sqlite3_file* raw, int) {
    File& file = AsFile(raw);
    if (const int code = CodeOf(file.writer->Sync(), SQLITE_IOERR_FSYNC); code != SQLITE_OK)
      return code;
    if (!file.name_unsynced) return SQLITE_OK;
    file.name_unsynced = false;
    return CodeOf(file.owner->files_.SyncFolder(io::FolderOf(file.path)), SQLITE_IOERR_DIR_FSYNC);
  }

  static int FileSize(sqlite3_file* raw, sqlite3_int64* size) {
    const auto found = AsFile(raw).reader->Size();
    if (!found) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(*found);
    return SQLITE_OK;
  }

  static int Lock(sqlite3_file* raw, int level) {
    File& file = AsFile(raw);
    int others = SQLITE_LOCK_NONE;
    for (const auto& [holder, held] : file.shared->levels)
      if (holder != &file) others = std::max(others, held);
    const bool refused = level == SQLITE_LOCK_SHARED     ? others >= SQLITE_LOCK_PENDING
                         : level == SQLITE_LOCK_RESERVED ? others >= SQLITE_LOCK_RESERVED
                                                         : others >= SQLITE_LOCK_SHARED;
    if (refused) return SQLITE_BUSY;
    int& mine = file.shared->levels[&file];
    mine = std::max(mine, level);
    return SQLITE_OK;
  }

  static int Unlock(sqlite3_file* raw, int level) {
    File& file = AsFile(raw);
    int& mine = file.shared->levels[&file];
    mine = std::min(mine, level);
    return SQLITE_OK;
  }

  static int CheckReserved(sqlite3_file* raw, int* answer) {
    *answer = 0;
    for (const auto& [holder, held] : AsFile(raw).shared->levels)
      if (held >= SQLITE_LOCK_RESERVED) *answer = 1;
    return SQLITE_OK;
  }

  static int ShmMap(sqlite3_file* raw, int number, int size, int extend, void volatile** region) {
    auto& regions = AsFile(raw).shared->regions;
    *region = nullptr;
    while (std::ssize(regions) <= number) {
      if (extend == 0) return SQLITE_OK;
      regions.push_back(std::make_unique<std::vector<char>>(static_cast<size_t>(size)));
    }
    *region = regions[static_cast<size_t>(number)]->data();
    return SQLITE_OK;
  }

  static int ShmLock(sqlite3_file* raw, int first, int count, int flags) {
    File& file = AsFile(raw);
    auto& locks = file.shared->shm;
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (int i = first; i < first + count; ++i) {
      auto& holders = locks[static_cast<size_t>(i)];
      if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        holders.erase(&file);
        continue;
      }
      for (const auto& [holder, held_exclusively] : holders)
        if (holder != &file && (exclusive || held_exclusively)) return SQLITE_BUSY;
    }
    if ((flags & SQLITE_SHM_LOCK) == 0) return SQLITE_OK;
    for (int i = first; i < first + count; ++i) locks[static_cast<size_t>(i)][&file] = exclusive;
    return SQLITE_OK;
  }

  static int ShmUnmap(sqlite3_file* raw, int remove) {
    File& file = AsFile(raw);
    for (auto& lock : file.shared->shm) lock.erase(&file);
    if (remove != 0) file.shared->regions.clear();
    return SQLITE_OK;
  }

  static const sqlite3_io_methods& Methods() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods made = {};
      made.iVersion = 2;
      made.xClose = &SimVfs::Close;
      made.xRead = &SimVfs::Read;
      made.xWrite = &SimVfs::Write;
      made.xTruncate = [](sqlite3_file* raw, sqlite3_int64 size) {
        return CodeOf(AsFile(raw).writer->Truncate(static_cast<uint64_t>(size)),
                      SQLITE_IOERR_TRUNCATE);
      };
      made.xSync = &SimVfs::Sync;
      made.xFileSize = &SimVfs::FileSize;
      made.xLock = &SimVfs::Lock;
      made.xUnlock = &SimVfs::Unlock;
      made.xCheckReservedLock = &SimVfs::CheckReserved;
      made.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
      made.xSectorSize = [](sqlite3_file*) { return 4096; };
      made.xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
      made.xShmMap = &SimVfs::ShmMap;
      made.xShmLock = &SimVfs::ShmLock;
      made.xShmBarrier = [](sqlite3_file*) {};
      made.xShmUnmap = &SimVfs::ShmUnmap;
      return made;
    }();
    return methods;
  }

  io::SimFileSystem& files_;
  const std::string name_ = "millrace-sim";
  sqlite3_vfs vfs_ = {};
  std::map<std::string, Shared> shared_;
  int temporaries_ = 0;
};

}  // namespace millrace::meta
