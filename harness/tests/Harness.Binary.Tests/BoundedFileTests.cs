namespace Harness.Binary.Tests;

public sealed class BoundedFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(100_000)]
    public void A_file_is_read_up_to_its_limit(int length)
    {
        var path = Path.Combine(_folder.FullName, "file");
        var bytes = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
        File.WriteAllBytes(path, bytes);
        Assert.Equal(bytes, BoundedFile.ReadBytes(path, Math.Max(length, 1)));
        if (length > 0)
        {
            Assert.Equal($"it has {length} bytes, which exceeds the maximum of {length - 1}", Assert.Throws<InvalidDataException>(() => BoundedFile.ReadBytes(path, length - 1)).Message);
        }
    }

    [Fact]
    public void Text_is_read_without_a_mark_of_its_encoding()
    {
        var path = Path.Combine(_folder.FullName, "file");
        File.WriteAllBytes(path, [0xef, 0xbb, 0xbf, (byte)'a', 0xff]);
        Assert.Equal("a\ufffd", BoundedFile.ReadText(path, 10));
    }

    /// <summary>Files without an end: everything that reads all of a file would fill memory.</summary>
    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    [InlineData("/proc/self/mem")]
    public void Of_a_device_nothing_is_read(string path) => Assert.Empty(BoundedFile.ReadBytes(path, 1 << 20));

    [Fact]
    public async Task A_pipe_is_read_to_its_end_or_limit()
    {
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.Out);
        var path = $"/proc/self/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}";
        var reading = Task.Run(() => BoundedFile.ReadBytes(path, 3));
        await pipe.WriteAsync(new byte[] { 1, 2, 3, 4 });
        pipe.Dispose();
        await Assert.ThrowsAsync<InvalidDataException>(() => reading);
    }
}
