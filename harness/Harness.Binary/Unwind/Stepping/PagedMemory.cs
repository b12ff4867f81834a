namespace Harness.Binary.Unwind.Stepping;

/// <summary>Reads a page at a time and keeps it until told to forget.</summary>
internal sealed class PagedMemory(IFrameMemory memory) : IFrameMemory
{
    private const int PageBytes = 4096;
    private readonly Dictionary<ulong, byte[]?> _pages = [];
    private readonly Stack<byte[]> _free = [];

    public void Forget()
    {
        foreach (var page in _pages.Values)
        {
            if (page is not null)
            {
                _free.Push(page);
            }
        }

        _pages.Clear();
    }

    public bool TryRead(ulong address, Span<byte> into)
    {
        var offset = (int)(address % PageBytes);
        if (offset + into.Length > PageBytes)
        {
            return memory.TryRead(address, into);
        }

        var number = address / PageBytes;
        if (!_pages.TryGetValue(number, out var page))
        {
            page = _free.Count > 0 ? _free.Pop() : new byte[PageBytes];
            if (!memory.TryRead(number * PageBytes, page))
            {
                _free.Push(page);
                page = null;
            }

            _pages[number] = page;
        }

        page?.AsSpan(offset, into.Length).CopyTo(into);
        return page is not null;
    }
}
