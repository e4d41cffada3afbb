// FileSystem: every file of the log, the store and the project goes through this interface, so that
// tests can make writes fail, tear them, fill the disk and cut the power (sim_file_system.h), and
// so that it is written in one place which call makes what durable:
//
//   1. Bytes of WritableFile::Append survive a power cut only after Sync() returned.
//   2. A new, renamed or removed name survives only after SyncFolder() of its folder returned.
//   3. A failed Sync() is final: the kernel may have dropped the pages. Nobody retries it; the
//   owner ends the process
//      (DESIGN invariant 1).
//
// Each sync carries its site, the place in the code that asked for it, so that tests can leave out
// one site at a time and demand that a power cut then loses something (sync_sites.h). What syncs on
// behalf of a caller takes the caller's site as its last parameter and passes it on.
//
// Paths are UTF-8 with '/'. All functions may be called from any thread; one WritableFile belongs
// to one thread at a time, except that Sync() may run beside Append() (group commit): it covers
// the bytes appended before it was called.
#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::io {

using SyncSite = std::source_location;

class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // Appends all bytes or fails; after a failure the file's end is undefined (Truncate() to a known
  // size, or give up).
  virtual Status Append(std::string_view bytes) = 0;
  // fdatasync: every byte appended before is on stable storage.
  virtual Status Sync(SyncSite site = SyncSite::current()) = 0;
  virtual Status Truncate(uint64_t size) = 0;
  // Bytes in the file, counting those appended through this object.
  virtual uint64_t size() const = 0;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Reads up to `size` bytes at `offset` into `to`; fewer only at the end of the file. Safe from
  // several threads.
  virtual Result<size_t> ReadAt(uint64_t offset, size_t size, char* to) const = 0;
  virtual Result<uint64_t> Size() const = 0;
};

// Held while it lives; released by the destructor and by the kernel when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct FolderEntry {
  std::string name;  // without the folder
  bool is_folder = false;
  uint64_t size = 0;
};

enum class OpenMode {
  kCreateNew,       // fails with kAlreadyExists when there
  kCreateOrAppend,  // made when absent, else appended to
  kAppend,          // fails with kNotFound when absent
  kTruncate,        // made when absent, else emptied
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                             OpenMode mode) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) = 0;

  // Replaces `to` atomically. Durable after SyncFolder of both folders.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // A second name for the same bytes.
  virtual Status Link(const std::string& from, const std::string& to) = 0;
  virtual Status RemoveFile(const std::string& path) = 0;
  // The folder must be empty.
  virtual Status RemoveFolder(const std::string& path) = 0;
  // Makes parents too; an existing folder is fine.
  virtual Status CreateFolders(const std::string& path) = 0;
  virtual Status SyncFolder(const std::string& path, SyncSite site = SyncSite::current()) = 0;

  // Sorted by name, without "." and "..".
  virtual Result<std::vector<FolderEntry>> List(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual Result<uint64_t> FileSize(const std::string& path) = 0;
  // Modification time, microseconds since 1970; a changed reference file is noticed by it.
  virtual Result<int64_t> ModifiedUs(const std::string& path) = 0;
  // kUnavailable when another process (or another lock of this one) holds it; the message names the
  // holder's pid.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  // Bytes an unprivileged writer may still write on the disk of `path`.
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;
};

// The operating system's files. One instance for the process.
FileSystem& PosixFileSystem();

// Whole-file conveniences over any FileSystem.
// Fails with kResourceExhausted above `bytes_max`.
Result<std::string> ReadWholeFile(FileSystem& fs, const std::string& path,
                                  uint64_t bytes_max = uint64_t{1} << 30);
// Write to "<path>.tmp", Sync, Rename, SyncFolder: after a crash the file has its old or its new
// content, whole.
Status WriteFileAtomically(FileSystem& fs, const std::string& path, std::string_view bytes,
                           SyncSite site = SyncSite::current());
// CreateFolders, and every name that was new is durable when it returns.
Status CreateFoldersDurably(FileSystem& fs, const std::string& path,
                            SyncSite site = SyncSite::current());
// Removes a folder and everything in it; absent is fine.
Status RemoveTree(FileSystem& fs, const std::string& path);

// "a/b" + "c" -> "a/b/c"; the folder of "a/b/c" is "a/b", of "c" ".".
std::string JoinPath(std::string_view folder, std::string_view name);
std::string FolderOf(std::string_view path);
std::string FileNameOf(std::string_view path);

}  // namespace millrace::io
