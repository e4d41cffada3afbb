// FileSystem over the operating system's calls.
#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/file_system.h"

namespace millrace::io {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<Descriptor> OpenDescriptor(const std::string& path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return FailErrno(errno, "cannot open " + path);
  return Descriptor(fd);
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor fd, uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return FailErrno(errno, "cannot write " + path_);
      }
      size_ += static_cast<uint64_t>(written);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Status Sync(SyncSite) override {
    if (::fdatasync(fd_.get()) != 0) return FailErrno(errno, "cannot sync " + path_);
    return {};
  }

  Status Truncate(uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
      return FailErrno(errno, "cannot truncate " + path_);
    size_ = size;
    return {};
  }

  uint64_t size() const override { return size_; }

 private:
  std::string path_;
  Descriptor fd_;
  uint64_t size_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<size_t> ReadAt(uint64_t offset, size_t size, char* to) const override {
    size_t done = 0;
    while (done < size) {
      const ssize_t read =
          ::pread(fd_.get(), to + done, size - done, static_cast<off_t>(offset + done));
      if (read < 0) {
        if (errno == EINTR) continue;
        return FailErrno(errno, fmt::format("cannot read {} at byte {}", path_, offset + done));
      }
      if (read == 0) break;
      done += static_cast<size_t>(read);
    }
    return done;
  }

  Result<uint64_t> Size() const override {
    struct stat info{};
    if (::fstat(fd_.get(), &info) != 0) return FailErrno(errno, "cannot stat " + path_);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  std::string path_;
  Descriptor fd_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

int FlagsOf(OpenMode mode) {
  switch (mode) {
    case OpenMode::kCreateNew:
      return O_WRONLY | O_APPEND | O_CREAT | O_EXCL;
    case OpenMode::kCreateOrAppend:
      return O_WRONLY | O_APPEND | O_CREAT;
    case OpenMode::kAppend:
      return O_WRONLY | O_APPEND;
    case OpenMode::kTruncate:
      return O_WRONLY | O_APPEND | O_CREAT | O_TRUNC;
  }
  return O_WRONLY;
}

class Posix final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                     OpenMode mode) override {
    MR_ASSIGN(Descriptor fd, OpenDescriptor(path, FlagsOf(mode)));
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) return FailErrno(errno, "cannot stat " + path);
    return std::make_unique<PosixWritableFile>(path, std::move(fd),
                                               static_cast<uint64_t>(info.st_size));
  }

  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    MR_ASSIGN(Descriptor fd, OpenDescriptor(path, O_RDONLY));
    return std::make_unique<PosixReadableFile>(path, std::move(fd));
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return FailErrno(errno, fmt::format("cannot rename {} to {}", from, to));
    return {};
  }

  Status Link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) != 0)
      return FailErrno(errno, fmt::format("cannot link {} to {}", from, to));
    return {};
  }

  Status RemoveFile(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return FailErrno(errno, "cannot remove " + path);
    return {};
  }

  Status RemoveFolder(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return FailErrno(errno, "cannot remove folder " + path);
    return {};
  }

  Status CreateFolders(const std::string& path) override {
    for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
      const std::string prefix = path.substr(0, slash);
      if (::mkdir(prefix.c_str(), 0755) != 0 && errno != EEXIST)
        return FailErrno(errno, "cannot make folder " + prefix);
      if (slash == std::string::npos) break;
    }
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return FailErrno(errno, "cannot stat " + path);
    if (!S_ISDIR(info.st_mode))
      return Fail(ErrorCode::kAlreadyExists, "{} exists and is not a folder", path);
    return {};
  }

  Status SyncFolder(const std::string& path, SyncSite) override {
    MR_ASSIGN(const Descriptor fd, OpenDescriptor(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(fd.get()) != 0) return FailErrno(errno, "cannot sync folder " + path);
    return {};
  }

  Result<std::vector<FolderEntry>> List(const std::string& path) override {
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) return FailErrno(errno, "cannot list " + path);
    std::vector<FolderEntry> entries;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat info{};
      if (::lstat(JoinPath(path, name).c_str(), &info) != 0) continue;  // removed meanwhile
      entries.push_back({name, S_ISDIR(info.st_mode), static_cast<uint64_t>(info.st_size)});
    }
    ::closedir(folder);
    std::ranges::sort(entries, {}, &FolderEntry::name);
    return entries;
  }

  bool Exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Result<uint64_t> FileSize(const std::string& path) override {
    MR_ASSIGN(const auto info, Stat(path));
    return static_cast<uint64_t>(info.st_size);
  }

  Result<int64_t> ModifiedUs(const std::string& path) override {
    MR_ASSIGN(const auto info, Stat(path));
    return static_cast<int64_t>(info.st_mtim.tv_sec) * 1000000 + info.st_mtim.tv_nsec / 1000;
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    MR_ASSIGN(Descriptor fd, OpenDescriptor(path, O_RDWR | O_CREAT));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return FailErrno(errno, "cannot lock " + path);
      char holder[32] = {};
      const ssize_t read = ::pread(fd.get(), holder, sizeof(holder) - 1, 0);
      return Fail(ErrorCode::kUnavailable, "{} is held by process {}", path,
                  read > 0 ? holder : "unknown");
    }
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) {
      return FailErrno(errno, "cannot write " + path);
    }
    return std::make_unique<PosixFileLock>(std::move(fd));
  }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info{};
    if (::statvfs(path.c_str(), &info) != 0)
      return FailErrno(errno, "cannot stat the disk of " + path);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }

 private:
  static Result<struct stat> Stat(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return FailErrno(errno, "cannot stat " + path);
    return info;
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static auto* instance = new Posix;
  return *instance;
}

}  // namespace millrace::io
