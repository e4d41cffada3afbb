#include "store/rocks_file_system.h"

#include <string>
#include <utility>
#include <vector>

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

namespace millrace::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus ToRocks(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return IOStatus::NotFound(error.message);
    case ErrorCode::kResourceExhausted:
      return IOStatus::NoSpace(error.message);
    default:
      return IOStatus::IOError(error.message);
  }
}

IOStatus ToRocks(const Status& status) { return status ? IOStatus::OK() : ToRocks(status.error()); }

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<io::ReadableFile> file) : file_(std::move(file)) {}

  IOStatus Read(size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) override {
    const auto read = file_->ReadAt(at_, n, scratch);
    if (!read) return ToRocks(read.error());
    at_ += *read;
    *result = rocksdb::Slice(scratch, *read);
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t n) override {
    at_ += n;
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<io::ReadableFile> file_;
  uint64_t at_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<io::ReadableFile> file) : file_(std::move(file)) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) const override {
    const auto read = file_->ReadAt(offset, n, scratch);
    if (!read) return ToRocks(read.error());
    *result = rocksdb::Slice(scratch, *read);
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<io::ReadableFile> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  explicit WritableFile(std::unique_ptr<io::WritableFile> file) : file_(std::move(file)) {}

  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    return ToRocks(file_->Append({data.data(), data.size()}));
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return ToRocks(file_->Truncate(size));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return ToRocks(file_->Sync()); }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return file_->size(); }

 private:
  std::unique_ptr<io::WritableFile> file_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return ToRocks(files_.SyncFolder(path_));
  }

 private:
  io::FileSystem& files_;
  std::string path_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::unique_ptr<io::FileLock> held) : held_(std::move(held)) {}

 private:
  std::unique_ptr<io::FileLock> held_;
};

class RocksFileSystem final : public rocksdb::FileSystem {
 public:
  explicit RocksFileSystem(io::FileSystem& files) : files_(files) {}
  const char* Name() const override { return "millrace.io"; }

  IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override {
    auto file = files_.OpenForRead(path);
    if (!file) return ToRocks(file.error());
    *result = std::make_unique<SequentialFile>(std::move(*file));
    return IOStatus::OK();
  }
  IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    auto file = files_.OpenForRead(path);
    if (!file) return ToRocks(file.error());
    *result = std::make_unique<RandomAccessFile>(std::move(*file));
    return IOStatus::OK();
  }
  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    return OpenForWrite(path, io::OpenMode::kTruncate, result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext*) override {
    return OpenForWrite(path, io::OpenMode::kCreateOrAppend, result);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    *result = std::make_unique<Directory>(files_, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return files_.Exists(path) ? IOStatus::OK() : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    const auto entries = files_.List(path);
    if (!entries) return ToRocks(entries.error());
    result->clear();
    for (const io::FolderEntry& entry : *entries) result->push_back(entry.name);
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(files_.RemoveFile(path));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(files_.CreateFolders(path));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(files_.CreateFolders(path));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(files_.RemoveFolder(path));
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    const auto found = files_.FileSize(path);
    if (!found) return ToRocks(found.error());
    *size = *found;
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t* seconds,
                                   IODebugContext*) override {
    const auto found = files_.ModifiedUs(path);
    if (!found) return ToRocks(found.error());
    *seconds = static_cast<uint64_t>(*found / 1000000);
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return ToRocks(files_.Rename(from, to));
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    return ToRocks(files_.Link(from, to));
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    auto held = files_.Lock(path);
    if (!held) return IOStatus::IOError("lock " + held.error().message);
    *lock = new Lock(std::move(*held));  // RocksDB gives it back to UnlockFile
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("test directory");
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* out,
                           IODebugContext*) override {
    *out = path;
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_folder,
                       IODebugContext*) override {
    *is_folder = files_.List(path).has_value();
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes,
                        IODebugContext*) override {
    const auto found = files_.FreeBytes(path);
    if (!found) return ToRocks(found.error());
    *bytes = *found;
    return IOStatus::OK();
  }

 private:
  IOStatus OpenForWrite(const std::string& path, io::OpenMode mode,
                        std::unique_ptr<rocksdb::FSWritableFile>* result) {
    auto file = files_.OpenForWrite(path, mode);
    if (!file) return ToRocks(file.error());
    *result = std::make_unique<WritableFile>(std::move(*file));
    return IOStatus::OK();
  }

  io::FileSystem& files_;
};

// A file whose appends between two syncs are one write.
class OneWriteFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using rocksdb::FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    waiting_.append(data.data(), data.size());
    return waiting_.size() < kWaitingBytesMax ? IOStatus::OK() : WriteOut(options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = WriteOut(options, debug);
    return status.ok() ? target()->Sync(options, debug) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = WriteOut(options, debug);
    return status.ok() ? target()->Fsync(options, debug) : status;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = WriteOut(options, debug);
    return status.ok() ? target()->Close(options, debug) : status;
  }
  uint64_t GetFileSize(const IOOptions& options, IODebugContext* debug) override {
    return target()->GetFileSize(options, debug) + waiting_.size();
  }

 private:
  static constexpr size_t kWaitingBytesMax = size_t{1} << 20;

  IOStatus WriteOut(const IOOptions& options, IODebugContext* debug) {
    if (waiting_.empty()) return IOStatus::OK();
    const std::string bytes = std::exchange(waiting_, {});
    return target()->Append(bytes, options, debug);
  }

  std::string waiting_;
};

class CarefulFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  // `files`: those that `base` works on.
  CarefulFileSystem(std::shared_ptr<rocksdb::FileSystem> base, io::FileSystem& files)
      : rocksdb::FileSystemWrapper(std::move(base)), files_(files) {}
  const char* Name() const override { return "millrace.careful"; }

  // RocksDB names a new MANIFEST in CURRENT by a rename and relies on the file system to keep names
  // in the order they were made, as the journals of ext4 and xfs do; nothing promises that order,
  // so the names made before are synced first.
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (io::FileNameOf(to) == "CURRENT") {
      const Status synced = files_.SyncFolder(io::FolderOf(to));
      if (!synced) return ToRocks(synced);
    }
    return rocksdb::FileSystemWrapper::RenameFile(from, to, options, debug);
  }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    IOStatus status = rocksdb::FileSystemWrapper::NewWritableFile(path, options, result, debug);
    if (status.ok() && io::FileNameOf(path).starts_with("MANIFEST-"))
      *result = std::make_unique<OneWriteFile>(std::move(*result));
    return status;
  }

 private:
  io::FileSystem& files_;
};

class QuickClock final : public rocksdb::SystemClockWrapper {
 public:
  using rocksdb::SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "millrace.quick"; }
  void SleepForMicroseconds(int micros) override {
    rocksdb::SystemClockWrapper::SleepForMicroseconds(micros / 1000);
  }
};

// RocksDB asks an Env for its file system and clock through these two members.
class RocksEnv final : public rocksdb::EnvWrapper {
 public:
  explicit RocksEnv(std::unique_ptr<rocksdb::Env> base)
      : rocksdb::EnvWrapper(base.get()), base_(std::move(base)) {
    file_system_ = base_->GetFileSystem();
    system_clock_ = std::make_shared<QuickClock>(base_->GetSystemClock());
  }
  const char* Name() const override { return "millrace.io"; }

 private:
  std::unique_ptr<rocksdb::Env> base_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewRocksEnv(io::FileSystem* files) {
  std::shared_ptr<rocksdb::FileSystem> base = rocksdb::FileSystem::Default();
  if (files != nullptr) base = std::make_shared<RocksFileSystem>(*files);
  auto env = rocksdb::NewCompositeEnv(std::make_shared<CarefulFileSystem>(
      std::move(base), files != nullptr ? *files : io::PosixFileSystem()));
  if (files == nullptr) return env;
  return std::make_unique<RocksEnv>(std::move(env));
}

}  // namespace millrace::store
