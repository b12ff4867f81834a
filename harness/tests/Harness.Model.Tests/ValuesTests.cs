namespace Harness.Model.Tests;

/// <summary>
/// Tables worked out with a second, independent implementation of docs/VALUES.md. The Zig support library must agree.
/// </summary>
public class ValuesTests
{
    private static readonly ulong[] Seeds = [0, 1, 42, ulong.MaxValue];

    public static TheoryData<ZigType, ulong[]> Folds => new()
    {
        { new ZigType.Void(), [0x2205169D93243C80, 0x2205169D93243C80, 0x2205169D93243C80, 0x2205169D93243C80] },
        { new ZigType.Bool(), [0x663747F86ADFC4C1, 0x663747F86ADFC4C1, 0x663747F86ADFC4C1, 0x3BB548A553E612BA] },
        { Int(1), [0x663747F86ADFC4C1, 0x663747F86ADFC4C1, 0x663747F86ADFC4C1, 0x3BB548A553E612BA] },
        { Int(7), [0x2D37F9A2BA75C714, 0xD958CA0B4DAE42B6, 0x66D99EF085E8DDF8, 0x42B914EFBDDFAC0A] },
        { Int(64), [0xF5EF26E39084515C, 0xE29BB96FBFE1DADF, 0x9A39BE8EA5229727, 0xD9FCC48681727B1C] },
        { Int(65), [0x813A476059A1E3D6, 0x3ABD57DAAE514548, 0xD3723B019F2C180F, 0x506DAB7CAD22360C] },
        { Int(128), [0x45BB316388257E0E, 0xB53078BB79CCFDD9, 0x39623BDEC45CFFA3, 0x60F1BF1800FF8A73] },
        { new ZigType.Int(256, true), [0x48D4EF0AEA53ED01, 0xB7315E10CE9A9F37, 0xE77E264D03B12CED, 0x58B7CF03B2F70D6E] },
        { Float(16), [0x89104F07A0F6DE9F, 0xB0E1E6D6A2022311, 0x4C47C85C7577B26F, 0x5C8699F79AF859E4] },
        { Float(32), [0x94EAEE8860FB9817, 0x5FB36131563D31D2, 0x9EA93563E75A396F, 0xB256EF71ADF375FC] },
        { Float(64), [0xF68386D7464088F1, 0xA65027DD63CE473F, 0x589410C9072856D8, 0xDFDFB578ADD0E165] },
        { Float(80), [0x3DA910FF5FCBE8B1, 0x317AC0B9F42D49BB, 0xF469CB104DEB672A, 0xD0B39D9279992859] },
        { Float(128), [0x7FADF4134C2605C2, 0x6BC5099DCD2C07A4, 0x40B4744D50462A31, 0x460AC13E0CC4D941] },
        { new ZigType.Vector(3, Int(33)), [0x741313220D5098ED, 0xB532DD8D9EE82202, 0x4A9BECC5862B3288, 0x242E65D1F16063AC] },
        { new ZigType.Struct(StructLayout.Auto, [Int(64), new ZigType.Bool(), Float(32)]), [0xFB196B5D674FC3D1, 0xCE89772F01C2A8A6, 0x0A4C16F9880D3911, 0xADB1AEA753D8DEB4] },
        { new ZigType.Enum(5), [0x3BB548A553E612BA, 0x3BB548A553E612BA, 0xDF9D336D4A39636C, 0x663747F86ADFC4C1] },
        { new ZigType.Union([new ZigType.Void(), Int(16), new ZigType.Struct(StructLayout.Packed, [Int(8)])]), [0x7B7534F79C5F7465, 0xA311E058DC2E5448, 0xA67F02E61DF8952C, 0x008EE868E302AF86] },
        { new ZigType.Optional(Int(32)), [0xB620DACCF2F52A91, 0xEF768EE71D488E19, 0x8948F7FD59C03C69, 0x3BB548A553E612BA] },
        { new ZigType.Slice(), [0xD2FE72638D3DF525, 0xFE2E4550C2B99DB9, 0x3BB548A553E612BA, 0x93916BB3C7A98732] },
    };

    public static TheoryData<ZigType, ulong[]> WordsOfSeedOne => new()
    {
        { Int(7), [0x41] },
        { Int(65), [0x910A2DEC89025CC1, 0x0] },
        { Float(16), [0x3CC1] },
        { Float(32), [0xBF825CC1] },
        { Float(64), [0xBFFA2DEC89025CC1] },
        { Float(80), [0x910A2DEC89025CC1, 0x3FFF] },
        { Float(128), [0x910A2DEC89025CC1, 0xBFFF35DE1C9756CE] },
    };

    [Fact]
    public void Mix_is_SplitMix64()
    {
        Assert.Equal(0xE220A8397B1DCDAF, Values.Mix(0));
        Assert.Equal(0x4F3A01979CEB1F52UL, Values.Sub(1, 2));
    }

    [Theory]
    [MemberData(nameof(Folds))]
    public void Folds_are_those_of_the_table(ZigType type, ulong[] expected) =>
        Assert.Equal(expected, Seeds.Select(seed => Values.Fold(type, seed)));

    [Theory]
    [MemberData(nameof(WordsOfSeedOne))]
    public void Words_have_the_width_of_the_type_and_floats_the_fixed_exponent(ZigType type, ulong[] expected) =>
        Assert.Equal(expected, Values.Words(type, 1));

    [Theory]
    [MemberData(nameof(Folds))]
    public void A_fold_feeds_exactly_the_words(ZigType type, ulong[] expected) =>
        Assert.Equal(expected[2], Values.Words(type, 42).Aggregate(Values.FoldStart, Values.Feed));

    [Fact]
    public void Optionals_are_null_for_a_quarter_of_the_seeds_and_unions_reach_every_variant()
    {
        var optional = new ZigType.Optional(Int(32));
        var nulls = Enumerable.Range(0, 4000).Count(seed => Values.Words(optional, (ulong)seed) is [0]);
        Assert.InRange(nulls, 900, 1100);

        var union = new ZigType.Union([new ZigType.Void(), Int(16), Int(8)]);
        var tags = Enumerable.Range(0, 100).Select(seed => Values.Words(union, (ulong)seed)[0]).Distinct();
        Assert.Equal(new ulong[] { 0, 1, 2 }, tags.Order());
        Assert.Equal([0UL, 0x76], Values.Words(union, 3));
    }

    [Fact]
    public void Slices_lie_in_the_static_table()
    {
        Assert.Equal(
            [4UL, 0x9089F05FBF88F8E7, 0xF9364C1F89270349, 0x738032F6D1FB2E3A, 0xAEA0B05615E97B6C],
            Values.Words(new ZigType.Slice(), 2));
        Assert.True(199 + 16 < Values.TableWords);
    }

    [Theory]
    [InlineData(8, 8, 0x1F5669388E249205)]
    [InlineData(16, 16, 0xBDE4E2E2AEB0D43D)]
    [InlineData(20, 20, 0xC6B558F2C1168BEE)]
    [InlineData(33, 32, 0x301361351498600B)]
    [InlineData(64, 32, 0xC32C1C58FE054A4C)]
    [InlineData(81, 33, 0x7FA26D4041C067B9)]
    [InlineData(200, 34, 0xE804B7B31F8209F9)]
    [InlineData(16384, 287, 0xC77915E99D70AB45)]
    public void A_buffer_sums_its_touched_words(int words, int touched, ulong sum)
    {
        Assert.Equal(touched, Values.Touched(words).Count());
        Assert.Equal(sum, Values.SumOfFilled(words, 7));
    }

    [Fact]
    public void Touched_words_are_both_ends_and_every_64th() => Assert.Equal(
        [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 64, 128,
            184, 185, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 197, 198, 199,
        ],
        Values.Touched(200));

    [Fact]
    public void A_cell_and_a_sliced_buffer_fold_as_their_words()
    {
        Assert.Equal(0x269325881102DEC9UL, Values.FoldWord(5));
        Assert.Equal(0x72CD71DC55930C36UL, Values.FoldOfSlicedBuffer(7));
    }

    [Fact]
    public void What_cannot_be_made_is_refused() =>
        Assert.Throws<ArgumentException>(() => Values.Fold(new ZigType.Handle(), 0));

    private static ZigType Int(int bits) => new ZigType.Int(bits, false);

    private static ZigType Float(int bits) => new ZigType.Float(bits);
}
