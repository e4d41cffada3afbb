// FrameDecoder and FrameEncoder: a connection's bytes to frames and back, whatever carries them:
// plain frames (v4, and v5 until STARTUP is answered), frames with LZ4 bodies (v4), segments (v5).
//
//   FrameDecoder decoder({.body_bytes_max = size_t{16} << 20});
//   decoder.Feed(bytes);
//   while (true) {
//     MR_ASSIGN(const auto frame, decoder.Next());
//     if (!frame) break;                     // more bytes are needed
//     ... frame->body is valid until the next call ...
//   }
//
// Thread contract: one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cql/wire/frame.h"
#include "cql/wire/segment.h"

namespace millrace::cql::wire {

struct Frame {
  FrameHeader header;
  std::string_view body;
};

struct FrameLimits {
  size_t body_bytes_max = size_t{64} << 20;
};

class FrameDecoder {
 public:
  explicit FrameDecoder(FrameLimits limits) : limits_(limits) {}

  // Bodies of frames with the compression flag (v4) are unpacked with LZ4; without it, such a frame
  // is an error.
  void AllowCompressedFrames() { compressed_frames_ = true; }
  // What has not been read as a frame yet, and all that follows, is segments (v5).
  void SwitchToSegments(Compression compression);

  void Feed(std::string_view bytes) { input_.append(bytes); }
  // nullopt: more bytes are needed. kDamaged: the connection is beyond repair.
  Result<std::optional<Frame>> Next();

 private:
  Result<std::optional<Frame>> TakeFrame(std::string& from, size_t& at);
  Result<bool> TakeSegment();

  FrameLimits limits_;
  bool compressed_frames_ = false;
  std::optional<Compression> segments_;
  std::string input_;
  size_t input_at_ = 0;
  std::string payload_;  // of segments: frames whole or in part
  size_t payload_at_ = 0;
  std::string unpacked_;
};

class FrameEncoder {
 public:
  void CompressFrames() { compressed_frames_ = true; }
  void SwitchToSegments(Compression compression) { segments_ = compression; }

  // Puts `frames` (whole ones, as BeginFrame and EndFrame made them) in the form they are sent in.
  // Segments take as many whole frames as they hold.
  void Append(std::string_view frames, std::string& out) const;

 private:
  void AppendCompressed(std::string_view frames, std::string& out) const;
  void AppendSegments(std::string_view frames, std::string& out) const;

  bool compressed_frames_ = false;
  std::optional<Compression> segments_;
};

}  // namespace millrace::cql::wire
