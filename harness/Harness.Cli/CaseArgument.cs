using Harness.Campaigns;

namespace Harness.Cli;

/// <summary>What a CASE argument names.</summary>
/// <param name="Folder">Null for a token.</param>
internal sealed record CaseArgument(StoredCase Stored, string? Folder)
{
    /// <exception cref="UsageException">Neither a case nor a token; one line says how to mend it.</exception>
    public static CaseArgument Read(string word)
    {
        try
        {
            if (ReplayToken.LooksLikeOne(word))
            {
                var document = ReplayToken.Read(word);
                return new CaseArgument(new StoredCase(document, word, "", "", "", ""), null);
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
