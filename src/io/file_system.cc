#include "io/file_system.h"

namespace millrace::io {

Result<std::string> ReadWholeFile(FileSystem& fs, const std::string& path, uint64_t bytes_max) {
  MR_ASSIGN(const auto file, fs.OpenForRead(path));
  MR_ASSIGN(const uint64_t size, file->Size());
  if (size > bytes_max) {
    return Fail(ErrorCode::kResourceExhausted, "{}: {} bytes, at most {} are read", path, size,
                bytes_max);
  }
  std::string bytes(size, '\0');
  MR_ASSIGN(const size_t read, file->ReadAt(0, size, bytes.data()));
  bytes.resize(read);
  return bytes;
}

Status WriteFileAtomically(FileSystem& fs, const std::string& path, std::string_view bytes,
                           SyncSite site) {
  const std::string temporary = path + ".tmp";
  {
    MR_ASSIGN(const auto file, fs.OpenForWrite(temporary, OpenMode::kTruncate));
    MR_TRY(file->Append(bytes));
    MR_TRY(file->Sync(site));
  }
  MR_TRY(fs.Rename(temporary, path));
  return fs.SyncFolder(FolderOf(path), site);
}

Status CreateFoldersDurably(FileSystem& fs, const std::string& path, SyncSite site) {
  const std::string parent = FolderOf(path);
  if (fs.Exists(path)) {
    MR_ASSIGN(const auto entries, fs.List(path));
    if (!entries.empty()) return {};
    // Whoever made it may have been killed before its name was durable.
  } else {
    if (parent != path && parent != ".") MR_TRY(CreateFoldersDurably(fs, parent, site));
    MR_TRY(fs.CreateFolders(path));
  }
  return fs.SyncFolder(parent, site);
}

Status RemoveTree(FileSystem& fs, const std::string& path) {
  if (!fs.Exists(path)) return {};
  MR_ASSIGN(const auto entries, fs.List(path));
  for (const FolderEntry& entry : entries) {
    const std::string child = JoinPath(path, entry.name);
    MR_TRY(entry.is_folder ? RemoveTree(fs, child) : fs.RemoveFile(child));
  }
  return fs.RemoveFolder(path);
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty() || folder == ".") return std::string(name);
  std::string path(folder);
  if (path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string FileNameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace millrace::io
