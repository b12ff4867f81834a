using Harness.Campaigns;

namespace Harness.Cli;

/// <summary>What a CASE argument names.</summary>
/// <param name="Folder">Null for a token.</param>
internal sealed record CaseArgument(StoredCase Stored, string? Folder)
{
    /// <summary>A case of our own runtime, for what works with no other.</summary>
    /// <param name="what">For people: what the user asked for.</param>
    /// <exception cref="UsageException">Not a case, or one of another runtime.</exception>
    public static CaseArgument ReadOurs(string word, string what)
    {
        var read = Read(word);
        return read.Stored.Document.Case.Cell.Runtime is { } runtime
            ? throw new UsageException($"{what} works with our own runtime only, and the case was found with {runtime}; replay runs it")
            : read;
    }

    /// <exception cref="UsageException">Neither a case nor a token; one line says how to mend it.</exception>
    public static CaseArgument Read(string word)
    {
        try
        {
            if (ReplayToken.LooksLikeOne(word))
            {
                var document = ReplayToken.Read(word);
                // Written anew: the word may have come with line ends in it, which are no part of it.
                return new CaseArgument(new StoredCase(document, ReplayToken.Write(document), "", "", "", ""), null);
            }

            var stored = CaseStore.Read(word);
            return new CaseArgument(stored, Directory.Exists(word) ? word : Path.GetDirectoryName(Path.GetFullPath(word)));
        }
        catch (InvalidDataException e)
        {
            throw new UsageException(e.Message);
        }
    }
}
