using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Harness.Binary;
using Harness.Verification.Explaining;
using Harness.Verification.Pictures;

namespace Harness.Campaigns;

/// <summary>A case with everything that is kept beside it.</summary>
/// <param name="Source">The Zig it is compiled from.</param>
/// <param name="History">Notes, such as what it was shrunk from.</param>
public sealed record StoredCase(CaseDocument Document, string Token, string Source, string Expected, string Observed, string History)
{
    /// <summary>Null when none was recorded.</summary>
    public StackPicture? Picture { get; init; }

    /// <summary>What may vary freely about it; null: nobody has asked.</summary>
    public Explanation? Explanation { get; init; }
}

/// <summary>
/// Writes cases as folders and reads them back. A folder has case.json (the truth), unit.zig, expected.txt, observed.txt,
/// README.md; stack.json where a stack was recorded and explain.json where it was explained (<c>show</c> draws both). Each file appears whole or not at all; case.json comes last, so a folder that has it is complete.
/// </summary>
public static class CaseStore
{
    public const string CaseFile = "case.json";

    public const string PictureFile = "stack.json";

    public const string ExplanationFile = "explain.json";

    /// <summary>Of each file; the largest that were ever stored have a hundred times less.</summary>
    private const int MaxFileBytes = 16 << 20;

    /// <summary>What every folder has.</summary>
    public static IReadOnlyList<string> Files { get; } = ["unit.zig", "expected.txt", "observed.txt", "README.md", CaseFile];

    /// <summary>A folder name for a signature: readable, safe on every file system, distinct for distinct signatures.</summary>
    public static string FolderName(string signature)
    {
        const int readable = 60;
        var slug = new StringBuilder();
        foreach (var c in signature)
        {
            if (char.IsAsciiLetterOrDigit(c))
            {
                slug.Append(char.ToLowerInvariant(c));
            }
            else if (slug.Length > 0 && slug[^1] != '-')
            {
                slug.Append('-');
            }
        }

        var name = slug.ToString(0, Math.Min(slug.Length, readable)).Trim('-');
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(signature)))[..8];
        return name.Length == 0 ? hash : $"{name}-{hash}";
    }

    /// <exception cref="ResultsUnwritableException"/>
    public static void Write(string folder, StoredCase stored)
    {
        try
        {
            Directory.CreateDirectory(folder);
            Replace(folder, "unit.zig", stored.Source);
            Replace(folder, "expected.txt", stored.Expected);
            Replace(folder, "observed.txt", stored.Observed);
            Replace(folder, "README.md", Readme(stored));
            ReplaceOptional(folder, PictureFile, Text(stored.Picture));
            ReplaceOptional(folder, ExplanationFile, Text(stored.Explanation));
            Replace(folder, CaseFile, stored.Document.WriteIndented());
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(folder, e);
        }
    }

    /// <summary>Reads a case folder, or its case.json. Missing texts read as empty.</summary>
    /// <exception cref="InvalidDataException">There is no case, or it is damaged; one line for people.</exception>
    public static StoredCase Read(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, CaseFile) : path;
        if (!File.Exists(file))
        {
            throw new InvalidDataException(
                Directory.Exists(path) ? $"{path} holds no {CaseFile}, so it is not a case" : $"there is no case at {path}");
        }

        try
        {
            var document = CaseDocument.Read(BoundedFile.ReadText(file, MaxFileBytes));
            var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
            return new StoredCase(
                document, ReplayToken.Write(document),
                Optional(folder, "unit.zig"), Optional(folder, "expected.txt"), Optional(folder, "observed.txt"), "")
            {
                Picture = Part<StackPicture>(folder, PictureFile, picture => picture.IsWhole), Explanation = Part<Explanation>(folder, ExplanationFile, _ => true),
            };
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{file} cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new InvalidDataException($"{file} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The folders under <paramref name="root"/> that hold a case, by name.</summary>
    public static IReadOnlyList<string> Folders(string root) =>
        Directory.Exists(root)
            ? [.. Directory.EnumerateDirectories(root)
                .Where(folder => File.Exists(Path.Combine(folder, CaseFile)))
                .Order(StringComparer.Ordinal)]
            : [];

    /// <summary>Copies a whole case folder to <paramref name="target"/>, replacing what is there.</summary>
    /// <exception cref="ResultsUnwritableException"/>
    public static void Copy(string folder, string target)
    {
        try
        {
            Directory.CreateDirectory(target);
            foreach (var file in Files)
            {
                Replace(target, file, Optional(folder, file));
            }

            ReplaceOptional(target, PictureFile, Optional(folder, PictureFile));
            ReplaceOptional(target, ExplanationFile, Optional(folder, ExplanationFile));
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(target, e);
        }
    }

    private static string Optional(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        return File.Exists(path) ? BoundedFile.ReadText(path, MaxFileBytes) : "";
    }

    private static string Text<T>(T? part)
        where T : class => part is null ? "" : JsonSerializer.Serialize(part, JournalJson.Indented) + "\n";

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    private static T? Part<T>(string folder, string file, Func<T, bool> isWhole)
        where T : class
    {
        try
        {
            var part = Optional(folder, file) is { Length: > 0 } json ? JsonSerializer.Deserialize<T>(json, JournalJson.Options) : null;
            return part is null || isWhole(part) ? part : throw new JsonException("its parts do not fit");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new InvalidDataException($"{Path.Combine(folder, file)} is damaged; remove it, and show does without", e);
        }
    }

    /// <summary>No file for an empty text, also where there was one of an earlier case.</summary>
    private static void ReplaceOptional(string folder, string file, string text)
    {
        if (text.Length > 0)
        {
            Replace(folder, file, text);
        }
        else
        {
            File.Delete(Path.Combine(folder, file));
        }
    }

    private static void Replace(string folder, string file, string text)
    {
        var temporary = Path.Combine(folder, $".{file}.{Environment.ProcessId}");
        File.WriteAllText(temporary, text);
        File.Move(temporary, Path.Combine(folder, file), overwrite: true);
    }

    private static string Readme(StoredCase stored)
    {
        var document = stored.Document;
        return $"""
            # {document.Signature}

            Check `{document.Check}` failed in `{document.Case.Cell}`.{(stored.History.Length > 0 ? " " + stored.History : "")}
            Found with Zig {document.Versions.Zig}, harness {document.Versions.Harness}, generators {document.Versions.Generator}
            (program {document.Recipe.Ordinal}, seed {document.Recipe.Seed}, size {document.Recipe.Size}, profile {document.Recipe.Profile}).

            case.json is the case; unit.zig, expected.txt and observed.txt are what it looked like when it was stored. Run it again:

                scripts/harness replay {stored.Token}

            """;
    }
}
