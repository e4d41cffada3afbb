#include "log/compression.h"

#include <algorithm>

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"

namespace millrace::log {
namespace {

constexpr std::string_view kXerialMagic("\x82SNAPPY\0", 8);
constexpr size_t kXerialHeaderBytes = 16;  // magic, version, oldest compatible version
constexpr size_t kXerialBlockBytes = 32 << 10;
constexpr size_t kFirstGuess = 64 << 10;

std::unexpected<Error> NotOfCodec(std::string_view codec, std::string_view why) {
  return Fail(ErrorCode::kDamaged, "{} data is malformed: {}", codec, why);
}

std::unexpected<Error> TooLarge(std::string_view codec, size_t bytes_max) {
  return Fail(ErrorCode::kResourceExhausted, "{} data expands beyond the limit of {} bytes", codec,
              bytes_max);
}

// Output that grows by doubling up to a limit.
class Growing {
 public:
  Growing(size_t guess, size_t bytes_max)
      : max_(bytes_max), room_(std::clamp<size_t>(guess, 1, std::max<size_t>(bytes_max, 1))) {
    bytes_ = AllocateDecoded(room_);
  }
  char* at() { return bytes_.owner.get() + bytes_.size; }
  size_t room() const { return room_ - bytes_.size; }
  void Wrote(size_t count) { bytes_.size += count; }
  // False when the limit is reached.
  bool Grow() {
    if (room_ >= max_) return false;
    room_ = std::min(max_, room_ * 2);
    DecodedBytes larger = AllocateDecoded(room_);
    std::memcpy(larger.owner.get(), bytes_.owner.get(), bytes_.size);
    larger.size = bytes_.size;
    bytes_ = std::move(larger);
    return true;
  }
  DecodedBytes Take() {
    std::memset(at(), 0, std::min<size_t>(flow::kReadPadding, room() + flow::kReadPadding));
    return std::move(bytes_);
  }

 private:
  size_t max_;
  size_t room_;
  DecodedBytes bytes_;
};

Result<DecodedBytes> Gunzip(std::string_view in, size_t bytes_max) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return Fail(ErrorCode::kResourceExhausted, "no memory for a gzip decoder");
  std::unique_ptr<z_stream, void (*)(z_stream*)> guard(&stream, [](z_stream* s) { inflateEnd(s); });
  Growing out(std::max(in.size() * 4, kFirstGuess), bytes_max);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  while (true) {
    const auto room = static_cast<uInt>(std::min<size_t>(out.room(), UINT32_MAX));
    stream.next_out = reinterpret_cast<Bytef*>(out.at());
    stream.avail_out = room;
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.Wrote(room - stream.avail_out);
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return out.Take();
      if (inflateReset(&stream) != Z_OK) return NotOfCodec("gzip", "a second member");
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return NotOfCodec("gzip", stream.msg != nullptr ? stream.msg : "unknown");
    } else if (out.room() == 0) {
      if (!out.Grow()) return TooLarge("gzip", bytes_max);
    } else if (stream.avail_in == 0) {
      return NotOfCodec("gzip", "it ends early");
    }
  }
}

Result<size_t> SnappySize(std::string_view in) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(in.data(), in.size(), &size))
    return NotOfCodec("snappy", "no length");
  return size;
}

// The blocks of the xerial framing, or the one block of raw snappy.
Result<std::vector<std::string_view>> SnappyBlocks(std::string_view in) {
  if (!in.starts_with(kXerialMagic)) return std::vector<std::string_view>{in};
  std::vector<std::string_view> blocks;
  ByteReader reader(in);
  reader.Bytes(kXerialHeaderBytes);
  while (reader.ok() && reader.remaining() > 0) {
    const auto size = reader.Big<uint32_t>();
    blocks.push_back(reader.Bytes(size));
  }
  if (!reader.ok()) return NotOfCodec("snappy", "a block is cut");
  return blocks;
}

Result<DecodedBytes> Unsnappy(std::string_view in, size_t bytes_max) {
  MR_ASSIGN(const auto blocks, SnappyBlocks(in));
  size_t total = 0;
  for (const std::string_view block : blocks) {
    MR_ASSIGN(const size_t size, SnappySize(block));
    if (size > bytes_max - total) return TooLarge("snappy", bytes_max);
    total += size;
  }
  DecodedBytes out = AllocateDecoded(total);
  for (const std::string_view block : blocks) {
    MR_ASSIGN(const size_t size, SnappySize(block));
    if (!snappy::RawUncompress(block.data(), block.size(), out.owner.get() + out.size))
      return NotOfCodec("snappy", "a block does not decode");
    out.size += size;
  }
  return out;
}

LZ4F_dctx* Lz4Context() {
  struct Holder {
    LZ4F_dctx* context = nullptr;
    Holder() {
      if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) context = nullptr;
    }
    ~Holder() { LZ4F_freeDecompressionContext(context); }
  };
  static thread_local Holder holder;
  return holder.context;
}

Result<DecodedBytes> Unlz4(std::string_view in, size_t bytes_max) {
  LZ4F_dctx* context = Lz4Context();
  if (context == nullptr)
    return Fail(ErrorCode::kResourceExhausted, "no memory for an lz4 decoder");
  LZ4F_resetDecompressionContext(context);
  LZ4F_frameInfo_t info{};
  size_t used = in.size();
  const size_t wanted = LZ4F_getFrameInfo(context, &info, in.data(), &used);
  if (LZ4F_isError(wanted)) return NotOfCodec("lz4", LZ4F_getErrorName(wanted));
  in.remove_prefix(used);
  if (info.contentSize > bytes_max) return TooLarge("lz4", bytes_max);
  // A size that the frame claims is only believed as far as lz4 can compress (255 to 1).
  const size_t guess = info.contentSize != 0
                           ? std::min<size_t>(info.contentSize, in.size() * 256 + 1024)
                           : std::max(in.size() * 4, kFirstGuess);
  Growing out(guess, bytes_max);
  LZ4F_decompressOptions_t options{};
  options.skipChecksums = 1;  // the batch's CRC covers every byte
  while (true) {
    size_t wrote = out.room();
    size_t read = in.size();
    const size_t hint = LZ4F_decompress(context, out.at(), &wrote, in.data(), &read, &options);
    if (LZ4F_isError(hint)) return NotOfCodec("lz4", LZ4F_getErrorName(hint));
    out.Wrote(wrote);
    in.remove_prefix(read);
    if (hint == 0) break;
    if (out.room() == 0) {
      if (!out.Grow()) return TooLarge("lz4", bytes_max);
    } else if (in.empty()) {
      return NotOfCodec("lz4", "it ends early");
    }
  }
  if (!in.empty()) return NotOfCodec("lz4", "bytes follow the frame");
  return out.Take();
}

ZSTD_DCtx* ZstdContext() {
  static thread_local std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                                 ZSTD_freeDCtx);
  return context.get();
}

Result<DecodedBytes> Unzstd(std::string_view in, size_t bytes_max) {
  ZSTD_DCtx* context = ZstdContext();
  if (context == nullptr)
    return Fail(ErrorCode::kResourceExhausted, "no memory for a zstd decoder");
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  const unsigned long long claimed = ZSTD_getFrameContentSize(in.data(), in.size());
  if (claimed == ZSTD_CONTENTSIZE_ERROR) return NotOfCodec("zstd", "no frame header");
  const bool known = claimed != ZSTD_CONTENTSIZE_UNKNOWN;
  if (known && claimed > bytes_max) return TooLarge("zstd", bytes_max);
  Growing out(known ? std::min<size_t>(claimed, in.size() * 1024 + kFirstGuess)
                    : std::max(in.size() * 4, kFirstGuess),
              bytes_max);
  ZSTD_inBuffer input{in.data(), in.size(), 0};
  while (true) {
    ZSTD_outBuffer output{out.at(), out.room(), 0};
    const size_t hint = ZSTD_decompressStream(context, &output, &input);
    if (ZSTD_isError(hint)) return NotOfCodec("zstd", ZSTD_getErrorName(hint));
    out.Wrote(output.pos);
    if (hint == 0 && input.pos == input.size) return out.Take();
    if (out.room() == 0) {
      if (!out.Grow()) return TooLarge("zstd", bytes_max);
    } else if (input.pos == input.size) {
      return NotOfCodec("zstd", "it ends early");
    }
  }
}

Status Gzip(std::string_view bytes, std::string& to) {
  z_stream stream{};
  if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return Fail(ErrorCode::kResourceExhausted, "no memory for a gzip encoder");
  const size_t start = to.size();
  to.resize(start + deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data() + start);
  stream.avail_out = static_cast<uInt>(to.size() - start);
  const int result = deflate(&stream, Z_FINISH);
  to.resize(start + stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return Fail(ErrorCode::kInternal, "gzip gave {} at the end", result);
  return {};
}

Status Snappy(std::string_view bytes, std::string& to) {
  to += kXerialMagic;
  AppendBig<int32_t>(to, 1);
  AppendBig<int32_t>(to, 1);
  std::string block;
  for (size_t at = 0; at < bytes.size(); at += kXerialBlockBytes) {
    const std::string_view part = bytes.substr(at, kXerialBlockBytes);
    snappy::Compress(part.data(), part.size(), &block);
    AppendBig<uint32_t>(to, static_cast<uint32_t>(block.size()));
    to += block;
  }
  return {};
}

Status Lz4(std::string_view bytes, std::string& to) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Kafka's Java client reads no other
  preferences.frameInfo.blockSizeID = bytes.size() <= (64 << 10)    ? LZ4F_max64KB
                                      : bytes.size() <= (256 << 10) ? LZ4F_max256KB
                                                                    : LZ4F_max1MB;
  preferences.frameInfo.contentSize = bytes.size();
  const size_t start = to.size();
  to.resize(start + LZ4F_compressFrameBound(bytes.size(), &preferences));
  const size_t wrote = LZ4F_compressFrame(to.data() + start, to.size() - start, bytes.data(),
                                          bytes.size(), &preferences);
  if (LZ4F_isError(wrote))
    return Fail(ErrorCode::kInternal, "lz4 cannot compress {} bytes: {}", bytes.size(),
                LZ4F_getErrorName(wrote));
  to.resize(start + wrote);
  return {};
}

Status Zstd(std::string_view bytes, std::string& to) {
  static thread_local std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                 ZSTD_freeCCtx);
  const size_t start = to.size();
  to.resize(start + ZSTD_compressBound(bytes.size()));
  const size_t wrote = ZSTD_compressCCtx(context.get(), to.data() + start, to.size() - start,
                                         bytes.data(), bytes.size(), /*compressionLevel=*/3);
  if (ZSTD_isError(wrote))
    return Fail(ErrorCode::kInternal, "zstd cannot compress {} bytes: {}", bytes.size(),
                ZSTD_getErrorName(wrote));
  to.resize(start + wrote);
  return {};
}

}  // namespace

DecodedBytes AllocateDecoded(size_t size) {
  DecodedBytes bytes;
  bytes.owner = std::make_shared_for_overwrite<char[]>(size + flow::kReadPadding);
  std::memset(bytes.owner.get() + size, 0, flow::kReadPadding);
  return bytes;
}

Result<DecodedBytes> Decompress(Codec codec, std::string_view compressed, size_t bytes_max) {
  switch (codec) {
    case Codec::kNone: {
      if (compressed.size() > bytes_max) return TooLarge("uncompressed", bytes_max);
      DecodedBytes bytes = AllocateDecoded(compressed.size());
      std::memcpy(bytes.owner.get(), compressed.data(), compressed.size());
      bytes.size = compressed.size();
      return bytes;
    }
    case Codec::kGzip:
      return Gunzip(compressed, bytes_max);
    case Codec::kSnappy:
      return Unsnappy(compressed, bytes_max);
    case Codec::kLz4:
      return Unlz4(compressed, bytes_max);
    case Codec::kZstd:
      return Unzstd(compressed, bytes_max);
  }
  return Fail(ErrorCode::kUnsupported, "compression codec {} is unknown", static_cast<int>(codec));
}

Status Compress(Codec codec, std::string_view bytes, std::string& to) {
  switch (codec) {
    case Codec::kNone:
      to += bytes;
      return {};
    case Codec::kGzip:
      return Gzip(bytes, to);
    case Codec::kSnappy:
      return Snappy(bytes, to);
    case Codec::kLz4:
      return Lz4(bytes, to);
    case Codec::kZstd:
      return Zstd(bytes, to);
  }
  return Fail(ErrorCode::kUnsupported, "compression codec {} is unknown", static_cast<int>(codec));
}

}  // namespace millrace::log
